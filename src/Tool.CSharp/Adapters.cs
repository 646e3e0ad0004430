namespace MappingNets.Tool;

/// <summary>The kinds of adapters.</summary>
internal static class Adapters
{
    /// <summary>Whether it is that of a mapped model, not of a fine-tuned one.</summary>
    public static bool IsMapped(string path) => AdapterHeader.Mapped.IsOf(path, ReadLimits.Default);
}
