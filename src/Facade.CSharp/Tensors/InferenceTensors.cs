using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Tensors made under torch.inference_mode: no gradient can reach them and nothing may be written into them outside it.</summary>
internal static class InferenceTensors
{
    /// <summary>A tensor that lives on, and that a graph can hold wherever it was made.</summary>
    /// <param name="make">Makes it.</param>
    public static Tensor Lasting(Func<Tensor> make)
    {
        using var ordinary = inference_mode(false);
        return make().DetachFromDisposeScope();
    }

    /// <summary>Refuses to make what is to be trained, or to take a gradient, where that cannot be.</summary>
    /// <exception cref="InvalidOperationException">Inference mode is on.</exception>
    public static void RequireNoInferenceMode()
    {
        if (is_inference_mode_enabled())
            throw new InvalidOperationException(
                "torch.inference_mode is on, under which no gradient is taken and nothing that can be trained can be made; leave it first, or use torch.no_grad, which may stay on.");
    }

    /// <summary>Whether a tensor is one. TorchSharp has no question for it, so an empty write is tried.</summary>
    public static bool Has(Tensor tensor)
    {
        if (is_inference_mode_enabled())
            return false;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        try
        {
            tensor.detach().as_strided([0], [1]).zero_();
            return false;
        }
        catch (ExternalException)
        {
            return true;
        }
    }
}
