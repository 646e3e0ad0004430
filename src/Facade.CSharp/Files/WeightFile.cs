using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A file of weights that stay in it: each is read where it is used, a piece at a time. It is read and not mapped into memory, because a file
/// that another program cuts ends a process that has it mapped, and is an exception here. The file is open until all who hold it let go.
/// </summary>
internal sealed class WeightFile
{
    private static readonly string[] Types = ["F32", "F16", "BF16"];

    private readonly TensorFile file;
    private readonly (long Length, DateTime Written)? opened;
    private int holders = 1;

    private WeightFile(TensorFile file) => (this.file, opened) = (file, file.Stamp());

    /// <summary>The file, as messages name it.</summary>
    public string FileName => file.FileName;

    /// <summary>What the file holds.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries => file.Entries;

    /// <summary>Opens a file for its first holder.</summary>
    /// <exception cref="CheckpointFormatException">It is damaged, or no file of weights.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static WeightFile Open(string path)
    {
        // What it may take in memory is a piece, whatever it holds.
        var file = TensorFile.Read(path, new() { Bytes = long.MaxValue });
        try
        {
            AdapterHeader.RefuseInsteadOfWeights(file);
            file.CheckContent();
            return new(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>One more holds the file.</summary>
    public WeightFile Hold()
    {
        Interlocked.Increment(ref holders);
        return this;
    }

    /// <summary>One lets go; the last one closes the file.</summary>
    public void LetGo()
    {
        if (Interlocked.Decrement(ref holders) == 0)
            file.Dispose();
    }

    /// <summary>What stands in the way of reading a tensor piece by piece, as a clause; null where nothing does.</summary>
    public string? MissingOf(string name) => file.Find(name) switch
    {
        null => "the file does not have it",
        _ when file.IsSparse(name) => "it is stored without its pruned weights",
        { StoredType: var type } when !Types.Contains(type) => $"it is stored as {type}",
        _ => null,
    };

    /// <summary>Copies one tensor into memory, in single precision where it is a float, in the caller's dispose scope.</summary>
    public Tensor Load(string name)
    {
        RequireUnchanged();
        using var scope = NewDisposeScope();
        var values = file.Load(name);
        return (values.is_floating_point() ? values.to(float32) : values).MoveToOuterDisposeScope();
    }

    /// <summary>Puts a tensor's values into a place, in single precision, or adds them to what stands there.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="place">A dense tensor of its size, single precision on the CPU.</param>
    /// <param name="add">Whether they are added.</param>
    /// <exception cref="CheckpointFormatException">The file was changed since it was opened.</exception>
    public void Read(string name, Tensor place, bool add)
    {
        RequireUnchanged();
        using var flat = place.view(-1);
        file.ReadPieces(name, (piece, first) =>
        {
            using var part = flat.narrow(0, first, piece.numel());
            if (add)
                part.add_(piece);
            else
                part.copy_(piece);
        });
    }

    /// <summary>Whether all of a tensor's values are finite numbers.</summary>
    public bool IsFinite(string name)
    {
        var finite = true;
        file.ReadPieces(name, (piece, _) =>
        {
            using var numbers = piece.to(float32);
            finite &= FiniteNumbers.AllIn(numbers);
        });
        return finite;
    }

    private void RequireUnchanged()
    {
        if (file.Stamp() != opened)
            throw new CheckpointFormatException(FileName, "was written to while its weights were in use; build the model again.");
    }
}
