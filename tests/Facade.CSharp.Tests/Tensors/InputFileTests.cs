using Xunit;

namespace MappingNets.Tests;

public sealed class InputFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static readonly Action<string>[] Loaders =
    [
        path => SafetensorsFile.Read(path).Dispose(),
        path => PretrainedWeights.FromFile(path).Dispose(),
        path => MappedModel.LoadAdapter(path, Small.Classifier()).Dispose(),
        path => NpyFile.Read(path).Dispose(),
        path => IdxFile.Read(path),
        path => FeatureVectors.FromCsv(path, "class").Dispose(),
    ];

    public void Dispose() => folder.Dispose();

    [UnixFact]
    public async Task A_pipe_is_refused_by_its_name_by_every_loader()
    {
        var pipe = folder.File("pipe");
        ChildProcess.Run("mkfifo", [pipe]);
        // For reading too: so it is there at once, and those who read do not wait for it.
        using var writer = new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite);

        foreach (var load in Loaders)
            await AssertRefuses(pipe, load);
    }

    [LinuxTheory]
    [InlineData("pipe")]
    public async Task A_pipe_without_a_writer_is_refused_and_not_waited_for(string name)
    {
        var pipe = folder.File(name);
        ChildProcess.Run("mkfifo", [pipe]);

        await AssertRefuses(pipe, Loaders[0]);
    }

    // A reader that waits for what never comes would keep the test waiting.
    private static async Task AssertRefuses(string pipe, Action<string> load)
    {
        var fault = await Assert.ThrowsAsync<IOException>(() => Task.Run(() => load(pipe)).WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.StartsWith($"'{pipe}' cannot be read: it is a pipe", fault.Message);
    }
}
