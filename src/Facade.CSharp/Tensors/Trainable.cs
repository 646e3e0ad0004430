using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Makes the tensors that an optimiser may change.</summary>
internal static class Trainable
{
    /// <summary>
    /// A parameter that outlives every dispose scope. It takes over the tensor, which must not be used afterwards.
    /// </summary>
    /// <exception cref="InvalidOperationException">Inference mode is on.</exception>
    public static Parameter From(Tensor start)
    {
        InferenceTensors.RequireNoInferenceMode();
        var parameter = new Parameter(start, requires_grad: true);
        parameter.DetachFromDisposeScope();
        return parameter;
    }
}
