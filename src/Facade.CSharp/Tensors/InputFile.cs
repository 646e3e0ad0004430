namespace MappingNets;

/// <summary>Opens files to read, so that whatever keeps one from being read is an <see cref="IOException"/> that names it.</summary>
internal static class InputFile
{
    /// <summary>Opens a file from its beginning. Others may read, replace and delete it meanwhile.</summary>
    /// <exception cref="IOException">There is no such file, it is a folder, or it may not be read.</exception>
    public static FileStream Open(string path)
    {
        try
        {
            return new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        }
        catch (UnauthorizedAccessException fault)
        {
            throw new IOException($"'{path}' cannot be read: {(Directory.Exists(path) ? "it is a folder." : fault.Message)}", fault);
        }
    }
}
