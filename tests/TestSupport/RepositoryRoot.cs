using System.ComponentModel;

namespace MappingNets.Tests;

/// <summary>The folder of the repository that these tests were built in.</summary>
public static class RepositoryRoot
{
    public static string Path { get; } = Find();

    public static string Read(string file) => File.ReadAllText(System.IO.Path.Combine(Path, file)).ReplaceLineEndings("\n");

    /// <summary>
    /// The committed files that git lists with these options; null where there is no telling, in an unpacked archive or without git. A checkout of
    /// another user's, such as a folder that a container has mounted, counts.
    /// </summary>
    public static IReadOnlyList<string>? Committed(params string[] options)
    {
        if (!System.IO.Path.Exists(System.IO.Path.Combine(Path, ".git")))
            return null;
        try
        {
            return ChildProcess.Run("git", ["-c", "safe.directory=*", "ls-files", .. options, "-z"], Path)
                .Split('\0', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "MappingNets.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"No MappingNets.sln above {AppContext.BaseDirectory}.");
    }
}
