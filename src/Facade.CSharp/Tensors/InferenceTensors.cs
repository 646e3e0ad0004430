using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Tensors made under torch.inference_mode: no gradient can reach them and nothing may be written into them outside it.</summary>
internal static class InferenceTensors
{
    /// <summary>Refuses to make what is to be trained where it could not be.</summary>
    /// <exception cref="InvalidOperationException">Inference mode is on.</exception>
    public static void RequireNoInferenceMode()
    {
        if (is_inference_mode_enabled())
            throw new InvalidOperationException(
                "torch.inference_mode is on, under which nothing that can be trained can be made; leave it first, or use torch.no_grad, which may stay on.");
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
