using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A folder holds the old adapter or the new one, wherever its writer ends.</summary>
public sealed class AdapterFolderTests : IDisposable
{
    private static readonly string[] Parts = [AdapterFolder.ConfigurationName, AdapterFolder.ModelName];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private sealed class WriterEnded : Exception;

    /// <summary>An adapter's two parts as <see cref="AdapterFolder"/> gets them; the number tells them apart in both.</summary>
    private static void Write(string path, int number, Action<string>? onStep = null)
    {
        using var scope = NewDisposeScope();
        AdapterFolder.Write(
            path, [("latent", full([3], (float)number))], new Dictionary<string, string> { ["format"] = "mappingnets-adapter", ["number"] = $"{number}" }, onStep);
    }

    /// <summary>The folder as it stands now, under another name.</summary>
    private string Copy(string path, string name)
    {
        var copy = folder.File(name);
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.GetFiles(path))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        return copy;
    }

    private static int Read(string path)
    {
        using var scope = NewDisposeScope();
        using var file = AdapterFolder.Open(path, ReadLimits.Default);
        var number = (int)file.Load("latent")[0].item<float>();
        Assert.Equal($"{number}", file.Metadata["number"]);
        return number;
    }

    [Theory]
    [InlineData("the old model is kept", 1)]
    [InlineData("the model is in place", 1)]
    [InlineData("the configuration is in place", 2)]
    public void A_writer_that_ends_after_any_step_leaves_one_of_the_two_adapters(string last, int expected)
    {
        var path = folder.File("adapter");
        Write(path, 1);

        var between = new List<string>();
        Assert.Throws<WriterEnded>(() => Write(path, 2, step =>
        {
            between.Add(Copy(path, step));
            if (step == last)
                throw new WriterEnded();
        }));

        Assert.Equal(expected, Read(path));
        // A reader that comes between two steps gets one of the two too. It reads what stood there after the writer, whose lock it
        // would wait for if it found neither.
        Assert.Equal(last, Path.GetFileName(between[^1]));
        Assert.All(between, copy => Assert.Equal(Path.GetFileName(copy) == "the configuration is in place" ? 2 : 1, Read(copy)));
        // It ends there once more, and the one after it does not.
        Assert.Throws<WriterEnded>(() => Write(path, 3, step =>
        {
            if (step == last)
                throw new WriterEnded();
        }));
        Assert.Equal(expected == 1 ? 1 : 3, Read(path));
        Write(path, 4);
        Assert.Equal(4, Read(path));
        Assert.Equal(Parts, Directory.GetFileSystemEntries(path).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Readers_during_many_saves_get_one_of_the_two_adapters_each_time()
    {
        var path = folder.File("adapter");
        Write(path, 1);
        using var stop = new CancellationTokenSource();
        var reader = Task.Factory.StartNew(
            () =>
            {
                while (!stop.IsCancellationRequested)
                    Assert.InRange(Read(path), 1, 2);
            },
            TaskCreationOptions.LongRunning);
        var other = Task.Factory.StartNew(
            () =>
            {
                while (!stop.IsCancellationRequested)
                    Write(path, 1);
            },
            TaskCreationOptions.LongRunning);
        try
        {
            for (var save = 0; save < 60 && !reader.IsFaulted && !other.IsFaulted; save++)
                Write(path, 2);
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(reader, other);
        }

        Assert.InRange(Read(path), 1, 2);
        Assert.Equal(Parts, Directory.GetFileSystemEntries(path).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Parts_of_two_adapters_are_refused()
    {
        Write(folder.File("one"), 1);
        Write(folder.File("two"), 2);
        File.Copy(Path.Combine(folder.File("two"), AdapterFolder.ModelName), Path.Combine(folder.File("one"), AdapterFolder.ModelName), overwrite: true);

        var fault = Assert.Throws<CheckpointFormatException>(() => Read(folder.File("one")));

        Assert.Contains("one of the two was replaced or edited", fault.Message);
    }

    [Fact]
    public void A_failure_before_the_first_step_leaves_the_folder_as_it_was()
    {
        var path = folder.File("adapter");
        Write(path, 1);
        var bytes = Parts.Select(part => File.ReadAllBytes(Path.Combine(path, part))).ToArray();
        File.Delete(Path.Combine(path, AdapterFolder.ConfigurationName));
        Directory.CreateDirectory(Path.Combine(path, AdapterFolder.ConfigurationName));

        var fault = Assert.Throws<IOException>(() => Write(path, 2));

        Assert.Contains($"'{Path.Combine(path, AdapterFolder.ConfigurationName)}' cannot be written: it is a folder", fault.Message);
        Assert.Equal(bytes[1], File.ReadAllBytes(Path.Combine(path, AdapterFolder.ModelName)));
        Assert.Equal(Parts, Directory.GetFileSystemEntries(path).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
    }
}
