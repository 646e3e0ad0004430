namespace MappingNets.Experiments.Fuzz;

/// <summary>Runs cases of a subject in this process, one file after another.</summary>
internal sealed class CaseRun : IDisposable
{
    private readonly Subject subject;
    private readonly string folder;
    private readonly string path;
    private readonly string[] expected;

    public CaseRun(Subject subject)
    {
        this.subject = subject;
        folder = Directory.CreateTempSubdirectory("mappingnets-fuzz-").FullName;
        path = Path.Combine(folder, subject.FileName);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        expected = [.. subject.Corpus.Select(whole =>
        {
            File.WriteAllBytes(path, whole);
            return subject.Read(path);
        })];
    }

    /// <summary>Runs one case.</summary>
    public (Outcome Outcome, string? Fault) Run(long number)
    {
        var (bytes, mayDiffer, origin) = subject.Case(number);
        File.WriteAllBytes(path, bytes);
        try
        {
            var read = subject.Read(path);
            return read == expected[origin] ? (Outcome.Equal, null)
                : mayDiffer ? (Outcome.Other, null)
                : (Outcome.Fault, "was read as another content than it was signed with");
        }
        catch (Exception fault)
        {
            return Judged(fault);
        }
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private (Outcome, string?) Judged(Exception fault)
    {
        if (fault.GetType() != subject.Refusal)
            return (Outcome.Fault, $"{fault.GetType()}: {fault.Message} {fault.StackTrace}");
        if (!fault.Message.StartsWith($"'{folder}", StringComparison.Ordinal))
            return (Outcome.Fault, $"the refusal does not name the file: {fault.Message}");
        if (fault.Message.Length - path.Length > Subject.LongestMessage)
            return (Outcome.Fault, $"the refusal has {fault.Message.Length} characters: {fault.Message[..400]}");
        return (Outcome.Refused, null);
    }
}
