// Read by two compilers: LibTorchLoader.csproj, for the tests, and MSBuild, which compiles this file alone, against
// .NET Standard 2.0, as the task of LibTorchLoader.targets. So it uses nothing newer, no package, and keeps to one file.
#nullable enable
using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace MappingNets.Build;

/// <summary>The result of <see cref="ElfVersionRequirement.Weaken"/>.</summary>
public enum WeakenResult
{
    /// <summary>The requirement was strict and is now weak: the only result that changes a byte.</summary>
    Weakened,

    /// <summary>The requirement was weak before.</summary>
    AlreadyWeak,

    /// <summary>The file requires no such version.</summary>
    VersionNotRequired,

    /// <summary>The file has no section of version requirements.</summary>
    NoVersionSection,

    /// <summary>The file is no ELF file.</summary>
    NotElf,

    /// <summary>The file is an ELF file, but not a 64-bit little-endian one.</summary>
    OtherElf,

    /// <summary>The file is a 64-bit ELF file that is cut short or contradicts itself.</summary>
    Damaged,
}

/// <summary>Makes one symbol-version requirement of an ELF shared library weak, so that the loader forgives its absence.</summary>
/// <remarks>
/// The dynamic loader refuses a library that requires a version which the system's copy of a dependency does not define,
/// even where no symbol of that version is ever used, unless the requirement carries the flag VER_FLG_WEAK.
/// </remarks>
public static class ElfVersionRequirement
{
    private const int HeaderSize = 64;
    private const int SectionHeaderSize = 64;
    private const uint SectionWithoutBytes = 8; // SHT_NOBITS
    private const uint SectionOfVersionNeeds = 0x6ffffffe; // SHT_GNU_verneed
    private const int WeakFlag = 2; // VER_FLG_WEAK
    private const int NeedSize = 16;
    private const int NeededVersionSize = 16;

    /// <summary>Sets the weak flag on every requirement of <paramref name="version"/> in a file's bytes.</summary>
    /// <param name="image">The whole file. Changed only if the result is <see cref="WeakenResult.Weakened"/>, and then only in the flags.</param>
    /// <param name="version">The version's name, such as <c>GLIBCXX_3.4.32</c>.</param>
    /// <returns>What was found and done. A foreign or damaged file is a result, never an exception.</returns>
    public static WeakenResult Weaken(byte[] image, string version)
    {
        if (image.Length < 4 || image[0] != 0x7f || image[1] != 'E' || image[2] != 'L' || image[3] != 'F')
        {
            return WeakenResult.NotElf;
        }

        const byte sixtyFourBit = 2, littleEndian = 1;
        if (image.Length > 5 && (image[4] != sixtyFourBit || image[5] != littleEndian))
        {
            return WeakenResult.OtherElf;
        }

        try
        {
            var flags = FindFlags(image, version, out var absence);
            if (flags.Count == 0)
            {
                return absence;
            }

            flags.RemoveAll(offset => (image[offset] & WeakFlag) != 0);
            flags.ForEach(offset => image[offset] |= WeakFlag);
            return flags.Count == 0 ? WeakenResult.AlreadyWeak : WeakenResult.Weakened;
        }
        catch (InvalidDataException)
        {
            return WeakenResult.Damaged;
        }
    }

    /// <summary>Writes <paramref name="source"/>, with the requirement weakened where there is one, to <paramref name="destination"/>.</summary>
    /// <remarks>
    /// The source is only read. The destination appears by a rename: a link that stood there is replaced, never written through,
    /// and nobody sees half a file.
    /// </remarks>
    /// <returns>As <see cref="Weaken"/>. Where that changed nothing, the destination has the source's bytes.</returns>
    public static WeakenResult WriteWeakened(string source, string destination, string version)
    {
        var image = File.ReadAllBytes(source);
        var result = Weaken(image, version);
        WriteByRename(image, destination);
        return result;
    }

    /// <summary>Writes an exact copy of <paramref name="source"/>, in the manner of <see cref="WriteWeakened"/>.</summary>
    public static void WriteUnchanged(string source, string destination) =>
        WriteByRename(File.ReadAllBytes(source), destination);

    /// <summary>Tells whether a library's bytes name a version, as a library that defines that version must.</summary>
    public static bool Names(byte[] image, string version)
    {
        var sought = Encoding.ASCII.GetBytes("\0" + version + "\0");
        for (var start = Array.IndexOf(image, sought[0]); start >= 0; start = Array.IndexOf(image, sought[0], start + 1))
        {
            var matched = 0;
            while (matched < sought.Length && start + matched < image.Length && image[start + matched] == sought[matched])
            {
                matched++;
            }

            if (matched == sought.Length)
            {
                return true;
            }
        }

        return false;
    }

    private static void WriteByRename(byte[] image, string destination)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(destination))!);
        var temporary = destination + "." + Guid.NewGuid().ToString("N");
        File.WriteAllBytes(temporary, image);
        if (File.Exists(destination))
        {
            File.Replace(temporary, destination, null);
        }
        else
        {
            File.Move(temporary, destination);
        }
    }

    /// <summary>The offsets of the flags (two bytes each, the low one first) of every requirement of the version.</summary>
    private static List<int> FindFlags(byte[] image, string version, out WeakenResult absence)
    {
        absence = WeakenResult.NoVersionSection;
        var flags = new List<int>();
        Require(image.Length >= HeaderSize);
        var table = Offset(image, 0x28);
        var count = Number(image, 0x3c, 2);
        Require(count == 0 || Number(image, 0x3a, 2) == SectionHeaderSize);
        RequireWithin(image, table, count * SectionHeaderSize);

        for (var index = 0; index < count; index++)
        {
            var section = table + index * SectionHeaderSize;
            var type = Number(image, section + 4, 4);
            if (type != SectionWithoutBytes)
            {
                RequireWithin(image, Offset(image, section + 0x18), Offset(image, section + 0x20));
            }

            if (type == SectionOfVersionNeeds)
            {
                absence = WeakenResult.VersionNotRequired;
                var link = Number(image, section + 0x28, 4);
                Require(link < count);
                var names = table + (int)link * SectionHeaderSize;
                RequireWithin(image, Offset(image, names + 0x18), Offset(image, names + 0x20));
                AddFlags(image, section, names, Encoding.ASCII.GetBytes(version), flags);
            }
        }

        return flags;
    }

    private static void AddFlags(byte[] image, int section, int nameSection, byte[] version, List<int> flags)
    {
        var start = Offset(image, section + 0x18);
        var end = start + Offset(image, section + 0x20);
        var names = Offset(image, nameSection + 0x18);
        var namesEnd = names + Offset(image, nameSection + 0x20);
        var files = Number(image, section + 0x2c, 4);
        long need = start;
        for (long file = 0; file < files; file++)
        {
            Require(need >= start && need + NeedSize <= end);
            var versions = Number(image, need + 2, 2);
            var needed = need + Number(image, need + 8, 4);
            for (long number = 0; number < versions; number++)
            {
                Require(needed >= start && needed + NeededVersionSize <= end);
                if (IsName(image, names + Number(image, needed + 8, 4), namesEnd, version))
                {
                    flags.Add((int)needed + 4);
                }

                // A chain that stops early, or runs backwards into itself, would be read for ever or twice.
                var step = Number(image, needed + 12, 4);
                Require(step > 0 || number == versions - 1);
                needed += step;
            }

            var stride = Number(image, need + 12, 4);
            Require(stride > 0 || file == files - 1);
            need += stride;
        }
    }

    private static bool IsName(byte[] image, long offset, int end, byte[] name)
    {
        Require(offset < end);
        if (offset + name.Length >= end || image[offset + name.Length] != 0)
        {
            return false;
        }

        for (var index = 0; index < name.Length; index++)
        {
            if (image[offset + index] != name[index])
            {
                return false;
            }
        }

        return true;
    }

    private static long Number(byte[] image, long offset, int size)
    {
        RequireWithin(image, offset, size);
        long value = 0;
        for (var index = size - 1; index >= 0; index--)
        {
            value = (value << 8) | image[offset + index];
        }

        return value;
    }

    /// <summary>A 64-bit offset or size, which must fit the file.</summary>
    private static int Offset(byte[] image, long at)
    {
        var value = Number(image, at, 8);
        Require(value >= 0 && value <= image.Length);
        return (int)value;
    }

    private static void RequireWithin(byte[] image, long offset, long size) =>
        Require(offset >= 0 && size >= 0 && offset <= image.Length - size);

    private static void Require(bool holds)
    {
        if (!holds)
        {
            throw new InvalidDataException();
        }
    }
}

#if !WITHOUT_MSBUILD
/// <summary>The build step: writes the copy of TorchSharp's native library that a project's output takes.</summary>
public sealed class WeakenLibTorchSharp : Microsoft.Build.Utilities.Task
{
    private const string Version = "GLIBCXX_3.4.32";

    /// <summary>The library in the package cache. It is only read.</summary>
    [Microsoft.Build.Framework.Required]
    public string Source { get; set; } = "";

    /// <summary>The copy to write.</summary>
    [Microsoft.Build.Framework.Required]
    public string Destination { get; set; } = "";

    /// <summary>Weaken even where this system's libstdc++ has the version, for an output that will run on an older system.</summary>
    public bool Always { get; set; }

    /// <inheritdoc/>
    public override bool Execute()
    {
        var low = Microsoft.Build.Framework.MessageImportance.Low;
        var high = Microsoft.Build.Framework.MessageImportance.High;
        var standardLibrary = FindStandardLibrary();
        if (!Always && (standardLibrary == null || ElfVersionRequirement.Names(File.ReadAllBytes(standardLibrary), Version)))
        {
            ElfVersionRequirement.WriteUnchanged(Source, Destination);
            Log.LogMessage(low, "{0} stays as it is: {1} has {2}.", Source, standardLibrary ?? "no libstdc++ found that lacks it, so it", Version);
            return true;
        }

        var result = ElfVersionRequirement.WriteWeakened(Source, Destination, Version);
        switch (result)
        {
            case WeakenResult.Weakened:
                Log.LogMessage(
                    high,
                    "This system's libstdc++ lacks {0}, which TorchSharp's native library requires but does not use: the copy in {1} no longer requires it.",
                    Version,
                    Destination);
                break;
            case WeakenResult.AlreadyWeak:
            case WeakenResult.VersionNotRequired:
            case WeakenResult.NoVersionSection:
                Log.LogMessage(low, "{0} does not require {1}; copied as it is.", Source, Version);
                break;
            default:
                Log.LogMessage(high, "{0} is not a sound 64-bit little-endian ELF library ({1}); copied as it is.", Source, result);
                break;
        }

        return true;
    }

    private static string? FindStandardLibrary()
    {
        const string name = "libstdc++.so.6";

        // .NET itself needs libstdc++, so the loader has already chosen one for this very process.
        foreach (var line in File.ReadLines("/proc/self/maps"))
        {
            var path = line.IndexOf('/');
            if (path >= 0 && line.IndexOf("/" + name, StringComparison.Ordinal) >= 0 && File.Exists(line.Substring(path)))
            {
                return line.Substring(path);
            }
        }

        foreach (var folder in new[] { "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib", "/lib" })
        {
            if (File.Exists(folder + "/" + name))
            {
                return folder + "/" + name;
            }
        }

        return null;
    }
}
#endif
