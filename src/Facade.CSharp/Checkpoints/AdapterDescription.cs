namespace MappingNets;

/// <summary>The words that checkpoints and reports use for the choices of a mapping.</summary>
internal static class AdapterDescription
{
    public static string NameOf(Core.FixedWeightsKind kind) =>
        kind.IsDense ? "dense" : kind.IsHadamard ? "hadamard" : "signed-permutation";
}
