namespace MappingNets.Experiments.Fuzz;

/// <summary>One way to read a kind of file, with the good files that are changed for it.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="FileName">What the changed file is called.</param>
/// <param name="Corpus">Good files, at least one.</param>
/// <param name="Mutate">A changed file, and whether it was signed anew or carries no signature: then other content is no fault.</param>
/// <param name="Read">Reads the file and gives a digest of all that was read.</param>
/// <param name="IsSigned">Whether the files carry the hash of their content.</param>
/// <param name="Refusal">The one exception that refuses a file.</param>
internal sealed record Subject(
    string Name,
    string FileName,
    IReadOnlyList<byte[]> Corpus,
    Func<byte[], IReadOnlyList<byte[]>, Chance, (byte[] Bytes, bool IsSigned)> Mutate,
    Func<string, string> Read,
    bool IsSigned,
    Type Refusal)
{
    /// <summary>The most characters of a message beside the file's name: some quotations of 200 and the sentence around them.</summary>
    public const int LongestMessage = 1500;

    /// <summary>The file of a case: its number alone decides.</summary>
    public (byte[] Bytes, bool IsSigned, int Origin) Case(long number)
    {
        var chance = new Chance((ulong)number * 0x2545F4914F6CDD1D ^ (ulong)Name.Length);
        var origin = chance.Below(Corpus.Count);
        var (bytes, isSigned) = Mutate(Corpus[origin], Corpus, chance);
        return (bytes, isSigned || !IsSigned, origin);
    }
}
