// Read by two compilers: LibTorchLoader.csproj, for the tests, and MSBuild, which compiles this file alone, against
// .NET Standard 2.0, as the task of TorchSharpCure.targets. So it uses nothing newer, no package, and keeps to one file.
#nullable enable
using System;
using System.IO;

namespace MappingNets.Build;

/// <summary>The outcome of <see cref="NativeCallers.Mark"/>.</summary>
public enum MarkResult
{
    /// <summary>Some methods lacked the mark and have it now: the only result that changes a byte.</summary>
    Marked,

    /// <summary>Every method that reads a handle or calls native code had the mark before.</summary>
    AlreadyMarked,

    /// <summary>No method reads a handle or calls native code.</summary>
    NoNativeCalls,

    /// <summary>The file holds native code (ReadyToRun), which was compiled before the mark.</summary>
    Precompiled,

    /// <summary>The file is no .NET assembly, or is cut short, or contradicts itself.</summary>
    NotAnAssembly,
}

/// <summary>Makes the arguments of every method that calls native code live to the method's end.</summary>
/// <remarks>
/// Such a method reads the handle of an argument and passes it on; in optimised code the argument is dead from there, and its finaliser
/// may free what the native code still reads. The mark, <c>MethodImplAttributes.NoOptimization | NoInlining</c>, makes the JIT compile the
/// method as it stands, which keeps arguments and locals to the end. All other methods, which only pass references on, stay optimised.
/// A method is marked if it mentions a native method, or a method or field that yields an IntPtr or a function pointer (or an array of
/// them). The mark is two bits of the method's row in the metadata (ECMA-335, II.22.26), so the file keeps its size and all else its value.
/// </remarks>
public static class NativeCallers
{
    private const uint NoInlining = 0x08, NoOptimization = 0x40;

    /// <summary>Marks the methods in an assembly's bytes.</summary>
    /// <param name="image">The whole file. Changed only if the result is <see cref="MarkResult.Marked"/>.</param>
    /// <returns>The state found and the change made. A damaged file is a result, never an exception.</returns>
    public static MarkResult Mark(byte[] image)
    {
        try
        {
            var copy = (byte[])image.Clone();
            var result = MarkAll(new Image(copy));
            if (result == MarkResult.Marked)
            {
                copy.CopyTo(image, 0);
            }

            return result;
        }
        catch (InvalidDataException)
        {
            return MarkResult.NotAnAssembly;
        }
    }

    private static MarkResult MarkAll(Image image)
    {
        var metadata = new Metadata(image);
        if (image.IsPrecompiled)
        {
            return MarkResult.Precompiled;
        }

        var (callers, changed) = (0, 0);
        for (uint method = 1; method <= metadata.Methods; method++)
        {
            var row = metadata.Method(method);
            var address = image.Number(row, 4);
            if (address == 0 || !ReachesNativeCode(image, metadata, image.Offset(address)))
            {
                continue;
            }

            callers++;
            var flags = image.Number(row + 4, 2);
            if ((flags & (NoInlining | NoOptimization)) != (NoInlining | NoOptimization))
            {
                image.Write(row + 4, 2, flags | NoInlining | NoOptimization);
                changed++;
            }
        }

        return callers == 0 ? MarkResult.NoNativeCalls : changed == 0 ? MarkResult.AlreadyMarked : MarkResult.Marked;
    }

    /// <summary>Reads a method's instructions: ECMA-335, II.25.4 and III.</summary>
    private static bool ReachesNativeCode(Image image, Metadata metadata, long body)
    {
        var first = image.Number(body, 1);
        var isTiny = (first & 3) == 2;
        long at = isTiny ? body + 1 : body + 4 * (image.Number(body + 1, 1) >> 4);
        var end = at + (isTiny ? first >> 2 : image.Number(body + 4, 4));
        image.RequireWithin(at, end - at);
        while (at < end)
        {
            var code = image.Number(at++, 1);
            if (code == 0xfe)
            {
                code = 0xfe00 | image.Number(at++, 1);
            }

            var size = code == 0x45 ? 4 + 4 * (long)image.Number(at, 4) : OperandSize(code);
            if (size == 4 && IsMember(code) && metadata.IsNative(image.Number(at, 4)))
            {
                return true;
            }

            at += size;
        }

        return false;
    }

    /// <summary>Tells whether an instruction names a method or a field: jmp, call, callvirt, newobj, ldfld to stsfld, ldftn, ldvirtftn.</summary>
    private static bool IsMember(uint code) =>
        code is 0x27 or 0x28 or 0x6f or 0x73 or (>= 0x7b and <= 0x80) or 0xfe06 or 0xfe07;

    /// <summary>The bytes behind an instruction, but for switch: ECMA-335, VI.C.2.</summary>
    private static int OperandSize(uint code) => code switch
    {
        (>= 0x0e and <= 0x13) or 0x1f or (>= 0x2b and <= 0x37) or 0xde or 0xfe12 or 0xfe19 => 1,
        >= 0xfe09 and <= 0xfe0e => 2,
        0x20 or 0x22 or (>= 0x27 and <= 0x29) or (>= 0x38 and <= 0x44) or (>= 0x6f and <= 0x75) or 0x79 or (>= 0x7b and <= 0x81) => 4,
        0x8c or 0x8d or 0x8f or (>= 0xa3 and <= 0xa5) or 0xc2 or 0xc6 or 0xd0 or 0xdd => 4,
        0xfe06 or 0xfe07 or 0xfe15 or 0xfe16 or 0xfe1c => 4,
        0x21 or 0x23 => 8,
        _ => 0,
    };

    /// <summary>The file: little-endian numbers at its offsets, and the headers that lead to the metadata (II.25).</summary>
    private sealed class Image
    {
        private readonly byte[] bytes;
        private readonly long sections;
        private readonly uint sectionCount;

        public Image(byte[] bytes)
        {
            this.bytes = bytes;
            Require(Number(0, 2) == 0x5a4d);
            long header = Number(0x3c, 4);
            Require(Number(header, 4) == 0x4550);
            sectionCount = Number(header + 6, 2);
            var optional = header + 24;
            sections = optional + Number(header + 20, 2);
            var magic = Number(optional, 2);
            Require(magic == 0x10b || magic == 0x20b);
            var runtimeHeader = Offset(Number(optional + (magic == 0x10b ? 96 : 112) + 14 * 8, 4));
            Metadata = Offset(Number(runtimeHeader + 8, 4));
            IsPrecompiled = Number(runtimeHeader + 64, 4) != 0;
        }

        public long Metadata { get; }

        public bool IsPrecompiled { get; }

        public uint Number(long offset, int size)
        {
            RequireWithin(offset, size);
            uint value = 0;
            for (var index = size - 1; index >= 0; index--)
            {
                value = (value << 8) | bytes[offset + index];
            }

            return value;
        }

        public void Write(long offset, int size, uint value)
        {
            RequireWithin(offset, size);
            for (var index = 0; index < size; index++)
            {
                bytes[offset + index] = (byte)(value >> (8 * index));
            }
        }

        /// <summary>Moves an offset behind a number of the packed form of heaps and signatures (II.23.2).</summary>
        public void SkipPacked(ref long offset)
        {
            var first = Number(offset, 1);
            offset += (first & 0x80) == 0 ? 1 : (first & 0x40) == 0 ? 2 : 4;
        }

        /// <summary>Where in the file an address of the loaded image lies.</summary>
        public long Offset(uint address)
        {
            for (var index = 0; index < sectionCount; index++)
            {
                var section = sections + 40 * index;
                var within = (long)address - Number(section + 12, 4);
                if (within >= 0 && within < Number(section + 16, 4))
                {
                    return Number(section + 20, 4) + within;
                }
            }

            throw new InvalidDataException();
        }

        public void RequireWithin(long offset, long size) => Require(offset >= 0 && size >= 0 && offset <= bytes.Length - size);
    }

    /// <summary>The tables of methods, fields and references to members, and their signatures (II.22, II.23.2, II.24).</summary>
    private sealed class Metadata
    {
        private const int Field = 0x04, MethodDefinition = 0x06, MemberReference = 0x0a;
        private const uint IsPlatformInvoke = 0x2000;
        private readonly Image image;
        private readonly long[] rows = new long[64];
        private readonly long[] starts = new long[MemberReference + 1];
        private readonly int[] sizes = new int[MemberReference + 1];
        private readonly int text, blob;
        private readonly long blobs;

        public Metadata(Image image)
        {
            this.image = image;
            var root = image.Metadata;
            Require(image.Number(root, 4) == 0x424a5342);
            var at = root + 16 + image.Number(root + 12, 4);
            long tables = 0;
            for (var streams = image.Number(at + 2, 2); streams > 0; streams--)
            {
                var (start, name, length) = (root + image.Number(at + 4, 4), image.Number(at + 12, 4), 0);
                tables = name == 0x00007e23 ? start : tables; // "#~"
                blobs = name == 0x6f6c4223 ? start : blobs; // "#Blob"
                while (image.Number(at + 12 + length, 1) != 0)
                {
                    length++;
                }

                at += 8 + (length / 4 + 1) * 4;
            }

            Require(tables > 0 && blobs > 0);
            var heaps = image.Number(tables + 6, 1);
            text = (heaps & 1) != 0 ? 4 : 2;
            blob = (heaps & 4) != 0 ? 4 : 2;
            at = tables + 24;
            for (var table = 0; table < rows.Length; table++)
            {
                if ((image.Number(tables + 8 + table / 8, 1) & (1u << (table % 8))) != 0)
                {
                    rows[table] = image.Number(at, 4);
                    at += 4;
                }
            }

            SetSizes((heaps & 2) != 0 ? 4 : 2);
            for (var table = 0; table <= MemberReference; table++)
            {
                starts[table] = at;
                at += rows[table] * sizes[table];
            }

            image.RequireWithin(tables, at - tables);
        }

        public long Methods => rows[MethodDefinition];

        /// <summary>Where the row of a method lies: four bytes of address, two of implementation flags, two of flags.</summary>
        public long Method(uint number) => Row(MethodDefinition, number);

        /// <summary>Tells whether a member is native, or yields what native code takes.</summary>
        public bool IsNative(uint token)
        {
            var number = token & 0xffffff;
            switch (token >> 24)
            {
                case MethodDefinition:
                    var row = Row(MethodDefinition, number);
                    return (image.Number(row + 6, 2) & IsPlatformInvoke) != 0 || YieldsHandle(row + 8 + text);
                case Field:
                    return YieldsHandle(Row(Field, number) + 2 + text);
                case MemberReference:
                    return YieldsHandle(Row(MemberReference, number) + sizes[MemberReference] - blob);
                default:
                    return false; // An instance of a generic method: none of them yields a handle but in a method that passes it on.
            }
        }

        /// <summary>Tells whether a signature's result or type is native int, native unsigned int or a function pointer, or an array of them.</summary>
        private bool YieldsHandle(long column)
        {
            const uint field = 6, generic = 0x10, reference = 0x10, pointer = 0x0f, array = 0x1d, required = 0x1f, optional = 0x20;
            var at = blobs + image.Number(column, blob);
            image.SkipPacked(ref at);
            var kind = image.Number(at++, 1);
            if (kind != field)
            {
                if ((kind & generic) != 0)
                {
                    image.SkipPacked(ref at);
                }

                image.SkipPacked(ref at);
            }

            for (; ; )
            {
                switch (image.Number(at++, 1))
                {
                    case required or optional:
                        image.SkipPacked(ref at);
                        break;
                    case reference or pointer or array:
                        break;
                    case 0x18 or 0x19 or 0x1b:
                        return true;
                    default:
                        return false;
                }
            }
        }

        private long Row(int table, uint number)
        {
            Require(number >= 1 && number <= rows[table]);
            return starts[table] + (number - 1) * sizes[table];
        }

        /// <summary>The columns of each table up to the last one read: II.22.</summary>
        private void SetSizes(int guid)
        {
            var typeDefinitionOrReference = Coded(2, 0x02, 0x01, 0x1b);
            sizes[0x00] = 2 + text + 3 * guid;
            sizes[0x01] = Coded(2, 0x00, 0x1a, 0x23, 0x01) + 2 * text;
            sizes[0x02] = 4 + 2 * text + typeDefinitionOrReference + Plain(Field) + Plain(MethodDefinition);
            sizes[0x03] = Plain(Field);
            sizes[Field] = 2 + text + blob;
            sizes[0x05] = Plain(MethodDefinition);
            sizes[MethodDefinition] = 8 + text + blob + Plain(0x08);
            sizes[0x07] = Plain(0x08);
            sizes[0x08] = 4 + text;
            sizes[0x09] = Plain(0x02) + typeDefinitionOrReference;
            sizes[MemberReference] = Coded(3, 0x02, 0x01, 0x1a, MethodDefinition, 0x1b) + text + blob;
        }

        private int Plain(int table) => rows[table] > ushort.MaxValue ? 4 : 2;

        /// <summary>The size of an index whose low bits say which of several tables it means (II.24.2.6).</summary>
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
        var result = NativeCallers.Mark(image);
        if (result == MarkResult.Marked)
        {
            Log.LogMessage(
                Microsoft.Build.Framework.MessageImportance.High,
                "TorchSharp frees numbers that libtorch still reads, unless its native calls run unoptimised: the copy in {0} forbids the JIT to optimise them. MappingNetsCureTorchSharp=false leaves it as it is.",
                Destination);
        }
        else if (result != MarkResult.AlreadyMarked)
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
                "TorchSharp frees numbers that libtorch still reads, unless its native calls run unoptimised. The step that marks them knows the form of TorchSharp 0.107 and does not understand this file ({0}), which is left alone. Use TorchSharp 0.107.0 from its package, or set the property MappingNetsCureTorchSharp to false and accept that training may fail or go wrong while the garbage collector runs.",
                result);
            return false;
        }

        File.WriteAllBytes(Destination, image);
        return true;
    }
}
#endif
