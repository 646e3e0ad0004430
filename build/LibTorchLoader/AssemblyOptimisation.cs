// Read by two compilers: LibTorchLoader.csproj, for the tests, and MSBuild, which compiles this file alone, against
// .NET Standard 2.0, as the task of TorchSharpCure.targets. So it uses nothing newer, no package, and keeps to one file.
#nullable enable
using System;
using System.Collections.Generic;
using System.IO;

namespace MappingNets.Build;

/// <summary>The outcome of <see cref="AssemblyOptimisation.Disable"/>.</summary>
public enum DisableResult
{
    /// <summary>The attribute let the JIT optimise and now forbids it: the only result that changes a byte.</summary>
    Disabled,

    /// <summary>The attribute forbade it before.</summary>
    AlreadyDisabled,

    /// <summary>The assembly has no <c>DebuggableAttribute</c>, or several.</summary>
    NoAttribute,

    /// <summary>The attribute's value is not the one that compilers give an optimised assembly.</summary>
    UnexpectedValue,

    /// <summary>Other attributes share the value's bytes, and the file has no free bytes for a value of its own.</summary>
    NoRoom,

    /// <summary>The file holds native code (ReadyToRun), which the attribute does not govern.</summary>
    Precompiled,

    /// <summary>The file is no .NET assembly, or is cut short, or contradicts itself.</summary>
    NotAnAssembly,
}

/// <summary>Makes the JIT compile an assembly's methods without optimisation, by its <c>DebuggableAttribute</c>.</summary>
/// <remarks>
/// The format is that of ECMA-335, partition II, sections 22, 24 and 25. The file keeps its size, and every other attribute its
/// value: where others share the bytes of this one's value, it gets bytes of its own in the unused end of the metadata's section,
/// to which the heap of values is extended.
/// </remarks>
public static class AssemblyOptimisation
{
    private const uint IgnoreSymbolStoreSequencePoints = 2;
    private const uint DisableOptimizations = 0x100;
    private const uint DisableOptimizationsAndDefault = DisableOptimizations | 1;
    private const int ValueSize = 9; // its length, 1 0, four bytes of flags, no named arguments (two bytes)

    /// <summary>Changes the attribute in an assembly's bytes to <c>DisableOptimizations | Default</c>.</summary>
    /// <param name="image">The whole file. Changed only if the result is <see cref="DisableResult.Disabled"/>.</param>
    /// <returns>The state found and the change made. An unexpected or damaged file is a result, never an exception.</returns>
    public static DisableResult Disable(byte[] image)
    {
        try
        {
            var bytes = new Bytes(image);
            var headers = new Headers(bytes);
            return headers.NativeCode ? DisableResult.Precompiled : Disable(bytes, headers, new Metadata(bytes, headers.Metadata));
        }
        catch (InvalidDataException)
        {
            return DisableResult.NotAnAssembly;
        }
    }

    private static DisableResult Disable(Bytes bytes, Headers headers, Metadata metadata)
    {
        var columns = metadata.ValuesOfDebuggable(out var users);
        if (columns.Count != 1)
        {
            return DisableResult.NoAttribute;
        }

        var value = metadata.Blobs + metadata.BlobIndex(columns[0]);
        if (bytes.Number(value, 1) != ValueSize - 1 || bytes.Number(value + 1, 2) != 1 || bytes.Number(value + 7, 2) != 0)
        {
            return DisableResult.UnexpectedValue;
        }

        var flags = bytes.Number(value + 3, 4);
        if ((flags & DisableOptimizations) != 0)
        {
            return DisableResult.AlreadyDisabled;
        }

        if (flags != IgnoreSymbolStoreSequencePoints)
        {
            return DisableResult.UnexpectedValue;
        }

        if (users == 1)
        {
            bytes.Write(value + 3, 4, DisableOptimizationsAndDefault);
            return DisableResult.Disabled;
        }

        return GiveOwnValue(bytes, headers, metadata, columns[0]) ? DisableResult.Disabled : DisableResult.NoRoom;
    }

    /// <summary>Writes the value into the unused end of the metadata's section, which the section, the metadata and the heap then include.</summary>
    private static bool GiveOwnValue(Bytes bytes, Headers headers, Metadata metadata, long column)
    {
        var section = headers.MetadataSection;
        var value = section.Start + section.VirtualSize;
        var index = value - metadata.Blobs;
        var heapSize = (index + ValueSize + 3) / 4 * 4;
        var end = metadata.Blobs + heapSize;
        if (index < metadata.BlobsSize || end > section.Start + section.Size || !metadata.FitsBlobIndex(index) || headers.Overlaps(section, end))
        {
            return false;
        }

        for (var at = value; at < end; at++)
        {
            if (bytes.Number(at, 1) != 0)
            {
                return false;
            }
        }

        bytes.Write(value, 1, ValueSize - 1);
        bytes.Write(value + 1, 2, 1);
        bytes.Write(value + 3, 4, DisableOptimizationsAndDefault);
        bytes.Write(metadata.BlobsSizeField, 4, (uint)heapSize);
        bytes.Write(headers.MetadataSizeField, 4, (uint)(end - headers.Metadata));
        bytes.Write(section.VirtualSizeField, 4, (uint)(end - section.Start));
        metadata.WriteBlobIndex(column, (uint)index);
        return true;
    }

    /// <summary>Little-endian numbers at offsets of the file.</summary>
    private sealed class Bytes
    {
        private readonly byte[] image;

        public Bytes(byte[] image) => this.image = image;

        public uint Number(long offset, int size)
        {
            RequireWithin(offset, size);
            uint value = 0;
            for (var index = size - 1; index >= 0; index--)
            {
                value = (value << 8) | image[offset + index];
            }

            return value;
        }

        public void Write(long offset, int size, uint value)
        {
            RequireWithin(offset, size);
            for (var index = 0; index < size; index++)
            {
                image[offset + index] = (byte)(value >> (8 * index));
            }
        }

        public string Text(long offset, int limit)
        {
            var length = 0;
            while (length < limit && Number(offset + length, 1) != 0)
            {
                length++;
            }

            return System.Text.Encoding.ASCII.GetString(image, (int)offset, length);
        }

        public void RequireWithin(long offset, long size) => Require(offset >= 0 && size >= 0 && offset <= image.Length - size);
    }

    private sealed class Section
    {
        public long VirtualSizeField { get; set; }

        public long VirtualSize { get; set; }

        public long VirtualAddress { get; set; }

        public long Size { get; set; }

        public long Start { get; set; }
    }

    /// <summary>The headers of the executable format, as far as they lead to the metadata.</summary>
    private sealed class Headers
    {
        private readonly List<Section> sections = new List<Section>();

        public Headers(Bytes bytes)
        {
            Require(bytes.Number(0, 2) == 0x5a4d);
            long header = bytes.Number(0x3c, 4);
            Require(bytes.Number(header, 4) == 0x4550);
            var count = bytes.Number(header + 6, 2);
            var optional = header + 24;
            var table = optional + bytes.Number(header + 20, 2);
            for (var index = 0; index < count; index++)
            {
                var at = table + 40 * index;
                sections.Add(new Section
                {
                    VirtualSizeField = at + 8,
                    VirtualSize = bytes.Number(at + 8, 4),
                    VirtualAddress = bytes.Number(at + 12, 4),
                    Size = bytes.Number(at + 16, 4),
                    Start = bytes.Number(at + 20, 4),
                });
            }

            var magic = bytes.Number(optional, 2);
            Require(magic == 0x10b || magic == 0x20b);
            var directories = optional + (magic == 0x10b ? 96 : 112);
            var runtimeHeader = Offset(bytes.Number(directories + 14 * 8, 4), out _);
            MetadataSizeField = runtimeHeader + 12;
            NativeCode = bytes.Number(runtimeHeader + 64, 4) != 0;
            Metadata = Offset(bytes.Number(runtimeHeader + 8, 4), out var section);
            MetadataSection = section;
        }

        public long Metadata { get; }

        public long MetadataSizeField { get; }

        public Section MetadataSection { get; }

        public bool NativeCode { get; }

        /// <summary>Tells whether a section that ended at the given offset of the file would reach into the next one in memory.</summary>
        public bool Overlaps(Section section, long end)
        {
            var virtualEnd = section.VirtualAddress + (end - section.Start);
            return sections.Exists(other => other.VirtualAddress > section.VirtualAddress && other.VirtualAddress < virtualEnd);
        }

        private long Offset(uint address, out Section section)
        {
            var found = sections.Find(one => address >= one.VirtualAddress && address - one.VirtualAddress < one.Size);
            section = found ?? throw new InvalidDataException();
            return found.Start + (address - found.VirtualAddress);
        }
    }

    /// <summary>The tables and heaps that say which attributes an assembly has.</summary>
    private sealed class Metadata
    {
        private const int Assembly = 0x20, CustomAttribute = 0x0c, MemberReference = 0x0a, TypeReference = 0x01;
        private const uint FirstAssembly = (1 << 5) | 14; // HasCustomAttribute: row 1 of the table Assembly

        // The tables that an index of each kind may mean: ECMA-335, II.24.2.6.
        private static readonly int[] Attributed =
        {
            0x06, 0x04, 0x01, 0x02, 0x08, 0x09, 0x0a, 0x00, 0x0e, 0x17, 0x14, 0x11, 0x1a, 0x1b, Assembly, 0x23, 0x26, 0x27, 0x28, 0x2a, 0x2c, 0x2b,
        };

        private static readonly int[] Constructors = { 0x06, MemberReference };
        private static readonly int[] MemberParents = { 0x02, 0x01, 0x1a, 0x06, 0x1b };
        private static readonly int[] Scopes = { 0x00, 0x1a, 0x23, 0x01 };

        private readonly Bytes bytes;
        private readonly long[] rows = new long[64];
        private readonly long[] starts = new long[CustomAttribute + 1];
        private readonly int[] sizes = new int[CustomAttribute + 1];
        private readonly int text, blob;
        private readonly long strings;

        public Metadata(Bytes bytes, long root)
        {
            this.bytes = bytes;
            Require(bytes.Number(root, 4) == 0x424a5342);
            var at = root + 16 + bytes.Number(root + 12, 4);
            var count = bytes.Number(at + 2, 2);
            at += 4;
            long tables = -1;
            for (var index = 0; index < count; index++)
            {
                var start = root + bytes.Number(at, 4);
                var name = bytes.Text(at + 8, 32);
                if (name == "#~")
                {
                    tables = start;
                }
                else if (name == "#Strings")
                {
                    strings = start;
                }
                else if (name == "#Blob")
                {
                    Blobs = start;
                    BlobsSizeField = at + 4;
                    BlobsSize = bytes.Number(at + 4, 4);
                }

                at += 8 + (name.Length / 4 + 1) * 4;
            }

            Require(tables > 0 && strings > 0 && Blobs > 0);
            var heaps = bytes.Number(tables + 6, 1);
            text = (heaps & 1) != 0 ? 4 : 2;
            var guid = (heaps & 2) != 0 ? 4 : 2;
            blob = (heaps & 4) != 0 ? 4 : 2;
            at = tables + 24;
            for (var table = 0; table < rows.Length; table++)
            {
                if ((bytes.Number(tables + 8 + table / 8, 1) & (1u << (table % 8))) != 0)
                {
                    rows[table] = bytes.Number(at, 4);
                    at += 4;
                }
            }

            SetSizes(guid);
            for (var table = 0; table <= CustomAttribute; table++)
            {
                starts[table] = at;
                at += rows[table] * sizes[table];
            }

            bytes.RequireWithin(tables, at - tables);
        }

        public long Blobs { get; }

        public long BlobsSize { get; }

        public long BlobsSizeField { get; }

        public uint BlobIndex(long column) => bytes.Number(column, blob);

        public bool FitsBlobIndex(long index) => blob == 4 || index <= ushort.MaxValue;

        public void WriteBlobIndex(long column, uint index) => bytes.Write(column, blob, index);

        /// <summary>Where the assembly's own attributes of this type have their values' indices.</summary>
        /// <param name="users">How many attributes of any type, on anything, have the value of the last of them.</param>
        public List<long> ValuesOfDebuggable(out int users)
        {
            var found = new List<long>();
            var counts = new Dictionary<uint, int>();
            var parent = Coded(5, Attributed);
            var type = Coded(3, Constructors);
            for (long row = 0; row < rows[CustomAttribute]; row++)
            {
                var at = starts[CustomAttribute] + row * sizes[CustomAttribute];
                var value = BlobIndex(at + parent + type);
                counts[value] = counts.TryGetValue(value, out var before) ? before + 1 : 1;
                if (bytes.Number(at, parent) == FirstAssembly && IsDebuggable(bytes.Number(at + parent, type)))
                {
                    found.Add(at + parent + type);
                }
            }

            users = found.Count == 0 ? 0 : counts[BlobIndex(found[found.Count - 1])];
            return found;
        }

        private bool IsDebuggable(uint constructor)
        {
            const uint memberReferenceTag = 3, typeReferenceTag = 1;
            if ((constructor & 7) != memberReferenceTag)
            {
                return false;
            }

            var parent = bytes.Number(Row(MemberReference, constructor >> 3), Coded(3, MemberParents));
            if ((parent & 7) != typeReferenceTag)
            {
                return false;
            }

            var name = Row(TypeReference, parent >> 3) + Coded(2, Scopes);
            return IsText(name, "DebuggableAttribute") && IsText(name + text, "System.Diagnostics");
        }

        private bool IsText(long column, string expected) =>
            bytes.Text(strings + bytes.Number(column, text), expected.Length + 1) == expected;

        private long Row(int table, uint number)
        {
            Require(number >= 1 && number <= rows[table]);
            return starts[table] + (number - 1) * sizes[table];
        }

        /// <summary>The columns of each table that stands before the one sought: ECMA-335, II.22.</summary>
        private void SetSizes(int guid)
        {
            var typeDefinitionOrReference = Coded(2, 0x02, 0x01, 0x1b);
            sizes[0x00] = 2 + text + 3 * guid;
            sizes[0x01] = Coded(2, Scopes) + 2 * text;
            sizes[0x02] = 4 + 2 * text + typeDefinitionOrReference + Plain(0x04) + Plain(0x06);
            sizes[0x03] = Plain(0x04);
            sizes[0x04] = 2 + text + blob;
            sizes[0x05] = Plain(0x06);
            sizes[0x06] = 8 + text + blob + Plain(0x08);
            sizes[0x07] = Plain(0x08);
            sizes[0x08] = 4 + text;
            sizes[0x09] = Plain(0x02) + typeDefinitionOrReference;
            sizes[0x0a] = Coded(3, MemberParents) + text + blob;
            sizes[0x0b] = 2 + Coded(2, 0x04, 0x08, 0x17) + blob;
            sizes[0x0c] = Coded(5, Attributed) + Coded(3, Constructors) + blob;
        }

        private int Plain(int table) => rows[table] > ushort.MaxValue ? 4 : 2;

        /// <summary>The size of an index whose low bits say which of several tables it means.</summary>
        private int Coded(int bits, params int[] tables) =>
            Array.Exists(tables, table => rows[table] >= 1L << (16 - bits)) ? 4 : 2;
    }

    private static void Require(bool holds)
    {
        if (!holds)
        {
            throw new InvalidDataException();
        }
    }
}

#if !WITHOUT_MSBUILD
/// <summary>The build step: writes the TorchSharp.dll that a project's output takes.</summary>
public sealed class CureTorchSharp : Microsoft.Build.Utilities.Task
{
    /// <summary>The assembly in the package cache. It is only read.</summary>
    [Microsoft.Build.Framework.Required]
    public string Source { get; set; } = "";

    /// <summary>The copy to write. Its folder must exist.</summary>
    [Microsoft.Build.Framework.Required]
    public string Destination { get; set; } = "";

    /// <inheritdoc/>
    public override bool Execute()
    {
        var image = File.ReadAllBytes(Source);
        var result = AssemblyOptimisation.Disable(image);
        if (result == DisableResult.Disabled)
        {
            Log.LogMessage(
                Microsoft.Build.Framework.MessageImportance.High,
                "TorchSharp frees numbers that libtorch still reads, unless its code runs unoptimised: the copy in {0} forbids the JIT to optimise it. MappingNetsCureTorchSharp=false leaves it as it is.",
                Destination);
        }
        else if (result != DisableResult.AlreadyDisabled)
        {
            Log.LogError(
                null,
                "MAPPINGNETS001",
                null,
                Source,
                0,
                0,
                0,
                0,
                "TorchSharp frees numbers that libtorch still reads, unless its code runs unoptimised. The step that sees to that knows the form of TorchSharp 0.107 and does not understand this file ({0}), which is left alone. Use TorchSharp 0.107.0 from its package, or set the property MappingNetsCureTorchSharp to false and accept that training may fail or go wrong while the garbage collector runs.",
                result);
            return false;
        }

        File.WriteAllBytes(Destination, image);
        return true;
    }
}
#endif
