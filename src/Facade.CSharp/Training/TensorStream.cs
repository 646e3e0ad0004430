using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Bytes that are written one after another as tensors of at most so many each, and read from them again: an array, and with it a
/// <see cref="MemoryStream"/>, ends at 2 GiB. The tensors are in the caller's dispose scope.
/// </summary>
internal sealed class TensorStream : Stream
{
    /// <summary>How many bytes a tensor takes where nothing else is said: 256 MiB.</summary>
    public const int UsualPiece = 1 << 28;

    private readonly int mostBytes;
    private readonly List<Tensor> pieces = [];
    private readonly MemoryStream? open;
    private int piece;
    private long place;

    /// <summary>A stream to write to.</summary>
    /// <param name="mostBytes">The most bytes of a tensor.</param>
    public TensorStream(int mostBytes) => (this.mostBytes, open) = (mostBytes, new());

    /// <summary>A stream to read from.</summary>
    /// <param name="pieces">The tensors of bytes, on the CPU.</param>
    public TensorStream(IEnumerable<Tensor> pieces) => this.pieces.AddRange(pieces);

    /// <inheritdoc/>
    public override bool CanRead => open is null;

    /// <inheritdoc/>
    public override bool CanWrite => open is not null;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => pieces.Sum(tensor => tensor.numel()) + (open?.Length ?? 0);

    /// <inheritdoc/>
    public override long Position
    {
        get => open is null ? pieces.Take(piece).Sum(tensor => tensor.numel()) + place : Length;
        set => throw new NotSupportedException();
    }

    /// <summary>What was written, in order; at least one tensor, which may be empty.</summary>
    public IReadOnlyList<Tensor> Written()
    {
        if (pieces.Count == 0 || open!.Length > 0)
            Close(open!);
        return pieces;
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var count = (int)Math.Min(buffer.Length, mostBytes - open!.Length);
            open.Write(buffer[..count]);
            buffer = buffer[count..];
            if (open.Length == mostBytes)
                Close(open);
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        while (piece < pieces.Count && place == pieces[piece].numel())
            (piece, place) = (piece + 1, 0);
        if (piece == pieces.Count)
            return 0;
        var count = (int)Math.Min(buffer.Length, pieces[piece].numel() - place);
        pieces[piece].bytes.Slice((int)place, count).CopyTo(buffer);
        place += count;
        return count;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    private void Close(MemoryStream full)
    {
        pieces.Add(tensor(full.ToArray(), device: CPU));
        full.SetLength(0);
    }
}
