using System.Diagnostics;
using System.Runtime.Versioning;
using Xunit;

namespace MappingNets.Tests;

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

    [UnixFact]
    [UnsupportedOSPlatform("windows")]
    public void A_replaced_file_keeps_its_mode_and_a_new_one_gets_that_of_the_umask()
    {
        File.WriteAllText(folder.File("usual"), "");
        AtomicFile.WriteAllText(folder.File("new"), "new");
        Assert.Equal(File.GetUnixFileMode(folder.File("usual")), File.GetUnixFileMode(folder.File("new")));

        const UnixFileMode ReadByGroup = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;
        foreach (var mode in new[] { UnixFileMode.UserRead | UnixFileMode.UserWrite, ReadByGroup, ReadByGroup | UnixFileMode.OtherRead })
        {
            var path = folder.Write("kept", [1]);
            File.SetUnixFileMode(path, mode);

            AtomicFile.Write(path, stream =>
            {
                stream.WriteByte(2);
                // Not for a moment may others read what only its owner may.
                Assert.Equal(mode, File.GetUnixFileMode(((FileStream)stream).Name));
            });

            Assert.Equal(mode, File.GetUnixFileMode(path));
            Assert.Equal([2], File.ReadAllBytes(path));
        }
    }

    [UnixFact]
    public void A_pipe_and_a_folder_are_refused_and_left_as_they_are()
    {
        ChildProcess.Run("mkfifo", [folder.File("pipe")]);

        var fault = Assert.Throws<IOException>(() => AtomicFile.WriteAllText(folder.File("pipe"), "a"));

        Assert.Contains($"'{folder.File("pipe")}' cannot be written: it is a pipe", fault.Message);
        Assert.Equal("prw", ChildProcess.Run("stat", ["-c", "%A", folder.File("pipe")])[..3]);
        Directory.CreateDirectory(folder.File("taken"));
        Assert.Contains("it is a folder", Assert.Throws<IOException>(() => AtomicFile.WriteAllText(folder.File("taken"), "a")).Message);
        Assert.Equal(["pipe", "taken"], Names);
    }

    [UnixFact]
    public void A_pipe_with_the_name_of_what_an_ended_process_left_keeps_no_write_waiting()
    {
        ChildProcess.Run("mkfifo", [folder.File(".mappingnets-2000000000-1.tmp")]);

        AtomicFile.WriteAllText(folder.File("a"), "a");

        Assert.Equal("a", File.ReadAllText(folder.File("a")));
        Assert.Equal([".mappingnets-2000000000-1.tmp", "a"], Names.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_an_ended_process_left_is_deleted_by_the_next_write_and_what_others_write_is_not()
    {
        int ended;
        using (var process = Process.Start(new ProcessStartInfo("dotnet", ["--version"]) { RedirectStandardOutput = true })!)
        {
            ended = process.Id;
            process.WaitForExit();
        }

        folder.Write($".mappingnets-{ended}-1.tmp", [1]);
        var running = folder.Write($".mappingnets-{Environment.ProcessId}-1.tmp", [1]);
        var open = folder.Write($".mappingnets-{ended}-2.tmp", [1]);
        folder.Write(".mappingnets-notes.tmp", [1]);
        // As a process does whose number cannot be seen from here.
        using (new FileStream(open, FileMode.Open, FileAccess.Write, FileShare.Read))
            AtomicFile.WriteAllText(folder.File("a"), "a");

        Assert.Equal(
            new[] { Path.GetFileName(running), Path.GetFileName(open), ".mappingnets-notes.tmp", "a" }.Order(StringComparer.Ordinal),
            Names.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_file_can_be_read_at_every_moment_of_its_replacement()
    {
        var path = folder.Write("a", [0]);
        using var stop = new CancellationTokenSource();
        var reader = Task.Factory.StartNew(
            () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
                    Assert.InRange(stream.Length, 1, 2);
                }
            },
            TaskCreationOptions.LongRunning);
        try
        {
            for (var write = 0; write < 300 && !reader.IsFaulted; write++)
                AtomicFile.WriteAllBytes(path, new byte[1 + (write % 2)]);
        }
        finally
        {
            await stop.CancelAsync();
            await reader;
        }
    }
}
