using System.Buffers.Binary;
using System.Text;

namespace MappingNets.Tests.Repository;

/// <summary>A small but sound 64-bit little-endian ELF file, made by hand: three sections, two of them with bytes.</summary>
/// <remarks>The section headers stand first, so that a file cut short can lose the end of a section and keep its header.</remarks>
internal static class CraftedElf
{
    public const string Sought = "GLIBCXX_3.4.32";
    public const string Other = "GLIBCXX_3.4.30";

    private const int HeaderSize = 64;
    private const int SectionHeaderSize = 64;
    private const int NeedSize = 16;
    private const uint StringTable = 3;
    private const uint VersionNeeds = 0x6ffffffe;

    /// <summary>Offset of the requirements' section.</summary>
    public const int Needs = HeaderSize + 3 * SectionHeaderSize;

    /// <summary>A file that requires <paramref name="versions"/> of libstdc++.so.6.</summary>
    public static byte[] Requiring(params string[] versions)
    {
        var names = new MemoryStream();
        names.WriteByte(0);
        uint Name(string text)
        {
            var offset = (uint)names.Length;
            names.Write(Encoding.ASCII.GetBytes(text + "\0"));
            return offset;
        }

        var needs = new byte[NeedSize * (1 + versions.Length)];
        Write16(needs, 0, 1);
        Write16(needs, 2, (ushort)versions.Length);
        Write32(needs, 4, Name("libstdc++.so.6"));
        Write32(needs, 8, NeedSize);
        for (var index = 0; index < versions.Length; index++)
        {
            var at = NeedSize * (1 + index);
            Write16(needs, at + 6, (ushort)(index + 2));
            Write32(needs, at + 8, Name(versions[index]));
            Write32(needs, at + 12, index == versions.Length - 1 ? 0u : NeedSize);
        }

        return Assemble(needs, names.ToArray());
    }

    /// <summary>The offset of the flags of the requirement with the given number.</summary>
    public static int Flags(int index) => Needs + NeedSize * (1 + index) + 4;

    /// <summary>Turns the section of requirements into one of an unknown type.</summary>
    public static byte[] WithoutNeeds(byte[] image)
    {
        var changed = (byte[])image.Clone();
        Write32(changed, HeaderSize + SectionHeaderSize + 4, 1);
        return changed;
    }

    private static byte[] Assemble(byte[] needs, byte[] names)
    {
        var image = new byte[Needs + needs.Length + names.Length];
        new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(image, 0);
        Write64(image, 0x28, HeaderSize);
        Write16(image, 0x3a, SectionHeaderSize);
        Write16(image, 0x3c, 3);
        Section(image, HeaderSize + SectionHeaderSize, VersionNeeds, Needs, needs.Length, link: 2, entries: 1);
        Section(image, HeaderSize + 2 * SectionHeaderSize, StringTable, Needs + needs.Length, names.Length, link: 0, entries: 0);
        needs.CopyTo(image, Needs);
        names.CopyTo(image, Needs + needs.Length);
        return image;
    }

    private static void Section(byte[] image, int at, uint type, int offset, int size, uint link, uint entries)
    {
        Write32(image, at + 0x04, type);
        Write64(image, at + 0x18, (ulong)offset);
        Write64(image, at + 0x20, (ulong)size);
        Write32(image, at + 0x28, link);
        Write32(image, at + 0x2c, entries);
    }

    private static void Write16(byte[] image, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(at), value);

    private static void Write32(byte[] image, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(at), value);

    private static void Write64(byte[] image, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(at), value);
}
