namespace MappingNets;

/// <summary>
/// Binds adapters to the parameters that the owner of a module froze. They are a part of the function that no adapter holds, and a target's
/// fingerprint is over the names and shapes of the others alone.
/// </summary>
internal static class FrozenBinding
{
    /// <summary>Adds their hash to the metadata of a file to write; last, and nothing where there are none.</summary>
    public static void State(Dictionary<string, string> metadata, string? hash)
    {
        if (hash is not null)
            AdapterHeader.AddOptional(metadata, AdapterHeader.FrozenKey, hash);
    }

    /// <summary>The hash that a file names; null in one for a network without them, and in those of earlier builds.</summary>
    /// <exception cref="CheckpointFormatException">It names something else.</exception>
    public static string? Stated(TensorFile file) => AdapterHeader.HashIn(file, AdapterHeader.FrozenKey);

    /// <summary>Refuses a network whose frozen parameters are not those that an adapter was trained beside.</summary>
    /// <param name="source">The adapter, as messages name it.</param>
    /// <param name="target">The network.</param>
    /// <param name="stated">What the adapter names; null where it names nothing, and then any network passes.</param>
    /// <param name="own">Gives the network's hash; asked only where it is needed.</param>
    /// <exception cref="CheckpointFormatException">They are others, or there are none.</exception>
    public static void Require(string source, TargetNetwork target, string? stated, Func<string?> own)
    {
        if (stated is null)
            return;
        var hash = own() ?? throw new CheckpointFormatException(
            source,
            $"was trained beside frozen parameters of a module; '{target.Name}' has none. Set requires_grad of the same parameters to false before "
            + "TargetNetwork.From, and load the values that they had.");
        if (hash != stated)
            throw new CheckpointFormatException(
                source,
                $"was trained beside other values of the frozen parameters [{MessageText.Names(target.Frozen().Select(frozen => frozen.Name))}]: their "
                + $"SHA-256 is {stated[..12]}..., that of '{target.Name}' is {hash[..12]}.... {TargetNetwork.FrozenRemedy}");
    }
}
