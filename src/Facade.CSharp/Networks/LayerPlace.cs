using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Where a layer stands in a network: its full name, which its weights' names start with, the shape that reaches it, and its buffers as they are now, on the CPU.</summary>
internal readonly record struct LayerPlace(string Name, IReadOnlyList<long> Input, IReadOnlyList<Tensor> Buffers)
{
    /// <summary>A name within another, either of which may be empty.</summary>
    public static string Joined(string level, string name) =>
        level.Length == 0 ? name : name.Length == 0 ? level : $"{level}.{name}";
}
