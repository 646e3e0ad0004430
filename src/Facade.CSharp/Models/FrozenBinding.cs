namespace MappingNets;

/// <summary>
/// Binds files of trained tensors to the parameters that the owner of a module froze. They are a part of the function that no such file holds, and a
/// target's fingerprint is over the names and shapes of the others alone.
/// </summary>
internal static class FrozenBinding
{
    /// <summary>Adds their hash and type to the metadata of a file to write; last, and nothing where there are none.</summary>
    public static void State(Dictionary<string, string> metadata, FrozenHash? frozen)
    {
        if (frozen is null)
            return;
        AdapterHeader.AddOptional(metadata, AdapterHeader.FrozenKey, frozen.Sha256);
        if (frozen.Types is { } types)
            AdapterHeader.AddOptional(metadata, AdapterHeader.FrozenTypeKey, types);
    }

    /// <summary>What a file names; null for one of a network without them, and for those of earlier builds.</summary>
    /// <exception cref="CheckpointFormatException">It names something else.</exception>
    public static FrozenHash? Stated(TensorFile file) => AdapterHeader.HashIn(file, AdapterHeader.FrozenKey) is { } hash
        ? new FrozenHash(hash, file.Metadata.GetValueOrDefault(AdapterHeader.FrozenTypeKey))
        : null;

    /// <summary>
    /// Refuses a network whose frozen parameters are not those that something was trained beside. A network in another type passes: weights are
    /// generated in single precision, and trained parameters serve a module that was converted.
    /// </summary>
    /// <param name="source">What was trained, as messages name it.</param>
    /// <param name="target">The network.</param>
    /// <param name="stated">What it was trained beside, as far as it is known.</param>
    /// <param name="own">Gives the network's own; asked only where it is needed.</param>
    /// <param name="isComplete">
    /// Whether it is known for certain, as of a model in memory: without it any network passes where nothing is stated, since a file may be of an
    /// earlier build.
    /// </param>
    /// <exception cref="CheckpointFormatException">They are others, or only one of the two networks has some.</exception>
    public static void Require(string source, TargetNetwork target, FrozenHash? stated, Func<FrozenHash?> own, bool isComplete = false)
    {
        if (stated is null && !isComplete)
            return;
        var here = own();
        if (!FrozenHash.Differ(stated, here))
            return;
        if (here is null)
            throw new CheckpointFormatException(
                source,
                $"was trained beside frozen parameters of a module; '{target.Name}' has none. Set requires_grad of the same parameters to false before "
                + "TargetNetwork.From, and load the values that they had.");
        var names = MessageText.Names(target.Frozen().Select(frozen => frozen.Name));
        if (stated is null)
            throw new CheckpointFormatException(
                source, $"was trained on a network without frozen parameters; '{target.Name}' has [{names}]. Train it on that network.");
        throw new CheckpointFormatException(
            source,
            $"was trained beside other values of the frozen parameters [{names}]: their SHA-256 is {stated.Sha256[..12]}..., that of '{target.Name}' is "
            + $"{here.Sha256[..12]}.... {TargetNetwork.FrozenRemedy}");
    }
}
