using System.Text;
using MappingNets.Build;
using Xunit;

namespace MappingNets.Tests.Repository;

public sealed class ElfVersionRequirementTests
{
    private static readonly byte[] Sound = CraftedElf.Requiring(CraftedElf.Other, CraftedElf.Sought, "CXXABI_1.3");

    private static WeakenResult Weaken(byte[] image) => ElfVersionRequirement.Weaken(image, CraftedElf.Sought);

    /// <summary>Weakens a copy, requires that not a byte of it changed, and returns the result.</summary>
    private static WeakenResult WeakenInVain(byte[] image)
    {
        var copy = (byte[])image.Clone();
        var result = Weaken(copy);
        Assert.Equal(image, copy);
        return result;
    }

    [Fact]
    public void SetsTheWeakFlagOfTheVersionAndNothingElse()
    {
        var image = (byte[])Sound.Clone();
        Assert.Equal(WeakenResult.Weakened, Weaken(image));

        var expected = (byte[])Sound.Clone();
        expected[CraftedElf.Flags(1)] = 2;
        Assert.Equal(expected, image);
    }

    [Fact]
    public void KeepsOtherFlags()
    {
        var image = (byte[])Sound.Clone();
        image[CraftedElf.Flags(1)] = 5;
        Assert.Equal(WeakenResult.Weakened, Weaken(image));
        Assert.Equal(7, image[CraftedElf.Flags(1)]);
    }

    [Fact]
    public void ASecondEditChangesNothing()
    {
        var image = (byte[])Sound.Clone();
        Weaken(image);
        Assert.Equal(WeakenResult.AlreadyWeak, WeakenInVain(image));
    }

    [Fact]
    public void LeavesAFileThatRequiresOtherVersionsAlone() =>
        Assert.Equal(WeakenResult.VersionNotRequired, WeakenInVain(CraftedElf.Requiring(CraftedElf.Other, "GLIBCXX_3.4.3", "GLIBCXX_3.4.321")));

    [Fact]
    public void LeavesAFileWithoutRequirementsAlone() =>
        Assert.Equal(WeakenResult.NoVersionSection, WeakenInVain(CraftedElf.WithoutNeeds(Sound)));

    [Fact]
    public void LeavesAFileCutShortAtAnyLengthAlone()
    {
        for (var length = 0; length < Sound.Length; length++)
        {
            var expected = length < 4 ? WeakenResult.NotElf : WeakenResult.Damaged;
            Assert.True(WeakenInVain(Sound[..length]) == expected, $"Cut to {length} bytes.");
        }
    }

    [Fact]
    public void AnyOtherByteAnywhereIsReadWithoutHarm()
    {
        // Offsets and counts that point outside the file, chains that run backwards: whatever is written, at most a flag changes.
        foreach (var value in new byte[] { 0x00, 0x01, 0x7f, 0x80, 0xff })
        {
            for (var at = 0; at < Sound.Length; at++)
            {
                var image = (byte[])Sound.Clone();
                image[at] = value;
                var before = (byte[])image.Clone();
                var result = Weaken(image);
                var changed = Enumerable.Range(0, image.Length).Where(index => image[index] != before[index]).ToArray();
                Assert.True(changed.Length == (result == WeakenResult.Weakened ? 1 : 0), $"Byte {at} set to {value}.");
            }
        }
    }

    [Theory]
    [InlineData("", WeakenResult.NotElf)]
    [InlineData("MZ\u0090 a Windows library, of no concern here", WeakenResult.NotElf)]
    [InlineData("#!/bin/sh\necho 'GLIBCXX_3.4.32'\n", WeakenResult.NotElf)]
    public void LeavesForeignFilesAlone(string text, WeakenResult expected) =>
        Assert.Equal(expected, WeakenInVain(Encoding.Latin1.GetBytes(text)));

    [Theory]
    [InlineData(4, 1)]
    [InlineData(5, 2)]
    public void LeavesA32BitOrBigEndianFileAlone(int at, byte value)
    {
        var image = (byte[])Sound.Clone();
        image[at] = value;
        Assert.Equal(WeakenResult.OtherElf, WeakenInVain(image));
    }

    [Fact]
    public void AChainThatRunsIntoItselfIsDamage()
    {
        var image = (byte[])Sound.Clone();
        image[CraftedElf.Flags(1) + 8] = 0;
        Assert.Equal(WeakenResult.Damaged, WeakenInVain(image));
    }

    [Fact]
    public void WritesBesideTheSourceAndThroughNoLink()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var source = Path.Combine(folder.FullName, "source.so");
            var destination = Path.Combine(folder.FullName, "made", "copy.so");
            File.WriteAllBytes(source, Sound);
            Directory.CreateDirectory(Path.GetDirectoryName(destination)!);
            if (!OperatingSystem.IsWindows())
            {
                File.CreateSymbolicLink(destination, source);
            }

            for (var time = 0; time < 2; time++)
            {
                Assert.Equal(WeakenResult.Weakened, ElfVersionRequirement.WriteWeakened(source, destination, CraftedElf.Sought));
                Assert.Equal(Sound, File.ReadAllBytes(source));
                Assert.Equal(WeakenResult.AlreadyWeak, WeakenInVain(File.ReadAllBytes(destination)));
            }

            Assert.Null(new FileInfo(destination).LinkTarget);
            Assert.Equal([destination], Directory.GetFiles(Path.GetDirectoryName(destination)!));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void AStandardLibraryNamesWhatItDefinesAsAWholeWord()
    {
        var names = Encoding.ASCII.GetBytes("\0GLIBCXX_3.4.3\0GLIBCXX_3.4.300\0\0GLIBCXX_3.4.31\0");
        Assert.True(ElfVersionRequirement.Names(names, "GLIBCXX_3.4.3"));
        Assert.True(ElfVersionRequirement.Names(names, "GLIBCXX_3.4.31"));
        Assert.False(ElfVersionRequirement.Names(names, "GLIBCXX_3.4.30"));
        Assert.False(ElfVersionRequirement.Names(names, "GLIBCXX_3.4.32"));
    }
}
