namespace MappingNets;

/// <summary>A checkpoint is damaged, foreign or made for something else; the message names the file and the fault.</summary>
public sealed class CheckpointFormatException : IOException
{
    /// <summary>Reports a fault.</summary>
    /// <param name="fileName">The file, as its reader knows it.</param>
    /// <param name="fault">What is wrong with it, as a sentence without a subject: "is truncated: ...".</param>
    /// <param name="cause">What the system said, or null.</param>
    public CheckpointFormatException(string fileName, string fault, Exception? cause = null)
        : base($"'{fileName}' {fault}", cause) => (FileName, Fault) = (fileName, fault);

    /// <summary>The file, as its reader knows it.</summary>
    public string FileName { get; }

    /// <summary>What is wrong with the file.</summary>
    public string Fault { get; }
}
