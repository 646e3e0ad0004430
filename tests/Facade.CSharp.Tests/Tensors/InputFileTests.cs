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
    public void A_pipe_is_refused_by_its_name_by_every_loader()
    {
        var pipe = folder.File("pipe");
        ChildProcess.Run("mkfifo", [pipe]);
        // For reading too: so it is there at once, and those who read do not wait for it.
        using var writer = new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite);

        Assert.All(Loaders, load => AssertNames(pipe, Assert.Throws<IOException>(() => load(pipe))));
    }

    [LinuxTheory]
    [InlineData("pipe")]
    public async Task A_pipe_without_a_writer_is_refused_and_not_waited_for(string name)
    {
        var pipe = folder.File(name);
        ChildProcess.Run("mkfifo", [pipe]);

        AssertNames(pipe, await Assert.ThrowsAsync<IOException>(() =>
            Task.Run(() => SafetensorsFile.Read(pipe).Dispose()).WaitAsync(TimeSpan.FromMinutes(1))));
    }

    private static void AssertNames(string pipe, IOException fault) => Assert.StartsWith($"'{pipe}' cannot be read: it is a pipe", fault.Message);
}
