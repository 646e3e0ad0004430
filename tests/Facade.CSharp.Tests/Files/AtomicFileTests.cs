using Xunit;

namespace MappingNets.Tests;

/// <summary>A test that makes a symbolic link, for which Windows asks a privilege.</summary>
internal sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute()
    {
        if (OperatingSystem.IsWindows())
            Skip = "Making a symbolic link needs a privilege on Windows.";
    }
}

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string[] Names => [.. Directory.GetFileSystemEntries(folder.Path).Select(path => Path.GetFileName(path)).Order()];

    [Fact]
    public void A_file_is_created_or_replaced()
    {
        AtomicFile.WriteAllText(folder.File("a.txt"), "a longer text, é");
        AtomicFile.WriteAllText(folder.File("a.txt"), "ü");

        Assert.Equal([0xC3, 0xBC], File.ReadAllBytes(folder.File("a.txt")));
        Assert.Equal(["a.txt"], Names);
    }

    [Fact]
    public void A_folder_that_is_not_there_is_named_with_the_file()
    {
        var path = Path.Combine(folder.Path, "none", "a.txt");

        var fault = Assert.Throws<DirectoryNotFoundException>(() => AtomicFile.WriteAllText(path, "a"));

        Assert.Contains($"'{path}'", fault.Message);
        Assert.Contains("there is no folder", fault.Message);
    }

    [Fact]
    public void A_failure_while_writing_leaves_the_old_file_and_nothing_else()
    {
        var path = folder.Write("a.bin", [1, 2, 3]);

        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write([9, 9, 9, 9]);
            throw new InvalidOperationException();
        }));

        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Equal(["a.bin"], Names);
    }

    [Fact]
    public void The_old_content_stands_until_the_new_one_is_complete()
    {
        var path = folder.Write("a.bin", [1, 2, 3]);

        AtomicFile.Write(path, stream =>
        {
            stream.Write([9]);
            stream.Flush();
            Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        });

        Assert.Equal([9], File.ReadAllBytes(path));
    }

    [Fact]
    public void A_target_that_cannot_be_replaced_leaves_no_temporary_file()
    {
        Directory.CreateDirectory(folder.File("taken"));

        Assert.ThrowsAny<SystemException>(() => AtomicFile.WriteAllBytes(folder.File("taken"), [1]));
        Assert.Throws<DirectoryNotFoundException>(() => AtomicFile.WriteAllBytes(folder.File("absent/a"), [1]));

        Assert.Equal(["taken"], Names);
    }

    [UnixFact]
    public void A_symbolic_link_keeps_pointing_at_the_file_that_changes()
    {
        var path = folder.Write("a.bin", [1]);
        File.CreateSymbolicLink(folder.File("link"), path);

        AtomicFile.WriteAllBytes(folder.File("link"), [2]);

        Assert.Equal([2], File.ReadAllBytes(path));
        Assert.NotNull(File.ResolveLinkTarget(folder.File("link"), false));
    }
}
