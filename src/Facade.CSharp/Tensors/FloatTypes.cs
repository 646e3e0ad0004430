using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The element types of floating-point numbers that PyTorch's files and modules have.</summary>
internal static class FloatTypes
{
    public static bool Contains(ScalarType type) =>
        type is ScalarType.Float32 or ScalarType.Float64 or ScalarType.Float16 or ScalarType.BFloat16;
}
