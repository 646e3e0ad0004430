using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Is shown what a pass makes on its way, in the order of the layers.</summary>
internal abstract class LayerProbe
{
    /// <summary>What reaches a layer, whatever stands inside of it; parts that are only named do not count as layers.</summary>
    public abstract void Reaching(Layer layer, Tensor value);

    /// <summary>What a branch of a layer puts out, and what reaches a function that a layer ends with.</summary>
    public abstract void Leaving(Tensor value);
}
