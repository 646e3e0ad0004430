using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Looks for NaN and infinity.</summary>
internal static class FiniteNumbers
{
    /// <summary>Whether every element is a finite number; of any type, on any device.</summary>
    public static bool AllIn(Tensor tensor)
    {
        if (!tensor.is_floating_point())
            return true;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        // A finite sum has only finite terms, and takes no memory. One that is not may have overflowed: then look at each.
        return double.IsFinite(tensor.sum().ToDouble()) || tensor.isfinite().all().item<bool>();
    }
}
