namespace MappingNets;

/// <summary>Decoded pictures by their numbers, as many as fit into so many bytes. Any thread may ask.</summary>
/// <param name="count">How many pictures there are.</param>
/// <param name="most">How many bytes may be kept.</param>
internal sealed class KeptPictures(int count, long most)
{
    private readonly byte[]?[] pictures = most > 0 ? new byte[count][] : [];
    private long left = most;

    /// <summary>The planes of a picture; null where it is not kept.</summary>
    public byte[]? Find(int number) => pictures.Length > 0 ? Volatile.Read(ref pictures[number]) : null;

    /// <summary>Keeps a copy where there is room.</summary>
    public void Offer(int number, ReadOnlySpan<byte> planes)
    {
        if (Interlocked.Read(ref left) < planes.Length)
            return;
        if (Interlocked.Add(ref left, -planes.Length) < 0 || Interlocked.CompareExchange(ref pictures[number], planes.ToArray(), null) is not null)
            Interlocked.Add(ref left, planes.Length);
    }
}
