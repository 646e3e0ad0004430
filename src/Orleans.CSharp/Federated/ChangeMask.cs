using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace MappingNets;

/// <summary>
/// Masks that cancel in the sum over a roster: for each pair of workers the one before adds, and the one after subtracts, the same numbers
/// modulo 2^32. They come from AES-256 in counter mode under a key that both derive from their Diffie-Hellman secret, the round and the
/// attempt. (The library's counter hash would do the arithmetic as well, but it is no cipher.)
/// </summary>
internal sealed class ChangeMask : IDisposable
{
    private readonly ECDiffieHellman own = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);

    /// <summary>What the others need.</summary>
    public byte[] PublicKey => own.PublicKey.ExportSubjectPublicKeyInfo();

    /// <summary>Whether the others can derive a secret with a key.</summary>
    /// <param name="key">What a worker sent as its <see cref="PublicKey"/>.</param>
    public static bool IsPublicKey(byte[] key)
    {
        try
        {
            using var other = ECDiffieHellman.Create();
            other.ImportSubjectPublicKeyInfo(key, out var read);
            // Of P-256 by its name: a key may state a curve of its own.
            return read == key.Length && other.ExportParameters(false).Curve is { IsNamed: true } curve
                && curve.Oid.Value == ECCurve.NamedCurves.nistP256.Oid.Value;
        }
        // The second for a curve that the machine's library does not know.
        catch (Exception fault) when (fault is CryptographicException or PlatformNotSupportedException)
        {
            return false;
        }
    }

    /// <summary>Adds the masks of a worker to its change.</summary>
    public void Apply(byte[] change, string run, Roster roster, string worker)
    {
        var place = Array.FindIndex(roster.Members, member => member.Worker == worker);
        for (var other = 0; other < roster.Members.Length; other++)
            if (other != place)
                Add(change, Stream(KeyWith(roster.Members[other].PublicKey, run, roster), change.Length), isAdded: place < other);
    }

    public void Dispose() => own.Dispose();

    private byte[] KeyWith(byte[] publicKey, string run, Roster roster)
    {
        using var other = ECDiffieHellman.Create();
        other.ImportSubjectPublicKeyInfo(publicKey, out _);
        return HKDF.DeriveKey(
            HashAlgorithmName.SHA256, own.DeriveRawSecretAgreement(other.PublicKey), 32,
            info: System.Text.Encoding.UTF8.GetBytes(FormattableString.Invariant($"MappingNets mask {roster.Round} {roster.Attempt} {run}")));
    }

    private static byte[] Stream(byte[] key, int length)
    {
        using var aes = Aes.Create();
        aes.Key = key;
        var counters = new byte[(length + 15) / 16 * 16];
        for (var block = 0; block < counters.Length / 16; block++)
            BinaryPrimitives.WriteInt64LittleEndian(counters.AsSpan(16 * block), block);
        return aes.EncryptEcb(counters, PaddingMode.None);
    }

    private static void Add(byte[] change, byte[] stream, bool isAdded)
    {
        var to = MemoryMarshal.Cast<byte, uint>(change.AsSpan());
        var mask = MemoryMarshal.Cast<byte, uint>(stream.AsSpan());
        for (var place = 0; place < to.Length; place++)
            to[place] = unchecked(isAdded ? to[place] + mask[place] : to[place] - mask[place]);
    }
}
