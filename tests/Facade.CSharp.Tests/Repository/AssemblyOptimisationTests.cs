using System.Diagnostics;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text;
using MappingNets.Build;
using TorchSharp;
using Xunit;

namespace MappingNets.Tests.Repository;

public sealed class AssemblyOptimisationTests
{
    private const int Optimised = (int)DebuggableAttribute.DebuggingModes.IgnoreSymbolStoreSequencePoints;
    private const int Unoptimised = (int)(DebuggableAttribute.DebuggingModes.DisableOptimizations | DebuggableAttribute.DebuggingModes.Default);

    /// <summary>Disables optimisation in a copy, requires that not a byte of it changed, and returns the result.</summary>
    private static DisableResult DisableInVain(byte[] image)
    {
        var copy = (byte[])image.Clone();
        var result = AssemblyOptimisation.Disable(copy);
        Assert.Equal(image, copy);
        return result;
    }

    [Fact]
    public void ThisProcessRunsTheCuredTorchSharp()
    {
        var attribute = typeof(torch).Assembly.GetCustomAttribute<DebuggableAttribute>();
        Assert.True(attribute?.IsJITOptimizerDisabled);
        Assert.Equal(DisableResult.AlreadyDisabled, DisableInVain(File.ReadAllBytes(typeof(torch).Assembly.Location)));
    }

    [Fact]
    public void TheShippedTorchSharpKeepsItsSizeAndEveryOtherAttribute()
    {
        var original = File.ReadAllBytes(PackagedTorchSharp.Path);
        var image = (byte[])original.Clone();
        Assert.Equal(DisableResult.Disabled, AssemblyOptimisation.Disable(image));
        Assert.Equal(original.Length, image.Length);

        var expected = Attributes(original);
        var debuggable = expected.FindIndex(attribute => attribute.Type == nameof(DebuggableAttribute));
        Assert.Equal(Optimised, expected[debuggable].Value[2]);
        Assert.Contains(expected, other => other.Type != nameof(DebuggableAttribute) && other.Value.SequenceEqual(expected[debuggable].Value));
        expected[debuggable] = expected[debuggable] with { Value = [1, 0, 1, 1, 0, 0, 0, 0] };
        Assert.Equal(expected, Attributes(image), AttributeRow.SameBytes);
        Assert.Equal(DisableResult.AlreadyDisabled, DisableInVain(image));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ChangesTheAttributeAloneWhetherOrNotItsValueIsShared(bool shared)
    {
        var original = CraftedAssembly.WithDebuggable(Optimised, shared);
        var image = (byte[])original.Clone();
        Assert.Equal(DisableResult.Disabled, AssemblyOptimisation.Disable(image));
        Assert.Equal(original.Length, image.Length);
        Assert.Equal(DisableResult.AlreadyDisabled, DisableInVain(image));

        var expected = Attributes(original);
        var debuggable = expected.FindIndex(attribute => attribute.Type == nameof(DebuggableAttribute));
        expected[debuggable] = expected[debuggable] with { Value = [1, 0, 1, 1, 0, 0, 0, 0] };
        Assert.Equal(shared ? 2 : 1, expected.Count);
        Assert.Equal(expected, Attributes(image), AttributeRow.SameBytes);
        Assert.Equal(Unoptimised, (int)Assembly.Load(image).GetCustomAttribute<DebuggableAttribute>()!.DebuggingFlags);
    }

    [Theory]
    [InlineData(0, DisableResult.UnexpectedValue)]
    [InlineData(Optimised | 4, DisableResult.UnexpectedValue)]
    [InlineData(Unoptimised, DisableResult.AlreadyDisabled)]
    [InlineData(Unoptimised | Optimised | 4, DisableResult.AlreadyDisabled)]
    public void LeavesAnotherValueAlone(int value, DisableResult expected) =>
        Assert.Equal(expected, DisableInVain(CraftedAssembly.WithDebuggable(value, shared: false)));

    [Fact]
    public void LeavesAnAssemblyWithoutTheAttributeAlone() =>
        Assert.Equal(DisableResult.NoAttribute, DisableInVain(CraftedAssembly.WithDebuggable(null, shared: false)));

    [Fact]
    public void ASharedValueNeedsFreeBytes()
    {
        var image = CraftedAssembly.WithDebuggable(Optimised, shared: true);
        var headers = new PEHeaders(new MemoryStream(image));
        var section = headers.SectionHeaders[headers.GetContainingSectionIndex(headers.CorHeader!.MetadataDirectory.RelativeVirtualAddress)];
        image[section.PointerToRawData + section.VirtualSize + 2] = 1;
        Assert.Equal(DisableResult.NoRoom, DisableInVain(image));
    }

    [Fact]
    public void LeavesPrecompiledCodeAlone() =>
        Assert.Equal(DisableResult.Precompiled, DisableInVain(File.ReadAllBytes(typeof(object).Assembly.Location)));

    [Theory]
    [InlineData("")]
    [InlineData("MZ\u0090 cut short")]
    [InlineData("\u007fELF another system's library")]
    public void LeavesForeignFilesAlone(string text) =>
        Assert.Equal(DisableResult.NotAnAssembly, DisableInVain(Encoding.Latin1.GetBytes(text)));

    [Fact]
    public void AFileCutShortOrWithAnyOtherByteAnywhereIsReadWithoutHarm()
    {
        var sound = CraftedAssembly.WithDebuggable(Optimised, shared: true);
        for (var length = 0; length < sound.Length; length++)
        {
            _ = DisableInVainOrDisabled(sound[..length]);
        }

        foreach (var value in new byte[] { 0x00, 0x01, 0x7f, 0x80, 0xff })
        {
            for (var at = 0; at < sound.Length; at++)
            {
                var image = (byte[])sound.Clone();
                image[at] = value;
                _ = DisableInVainOrDisabled(image);
            }
        }
    }

    private static DisableResult DisableInVainOrDisabled(byte[] image)
    {
        var copy = (byte[])image.Clone();
        var result = AssemblyOptimisation.Disable(copy);
        Assert.Equal(result == DisableResult.Disabled, !image.SequenceEqual(copy));
        return result;
    }

    private static List<AttributeRow> Attributes(byte[] image)
    {
        using var file = new PEReader(new MemoryStream(image));
        var metadata = file.GetMetadataReader();
        return [.. metadata.CustomAttributes.Select(handle =>
        {
            var attribute = metadata.GetCustomAttribute(handle);
            return new AttributeRow(MetadataTokens.GetToken(attribute.Parent), TypeOf(metadata, attribute), metadata.GetBlobBytes(attribute.Value));
        })];
    }

    private static string TypeOf(MetadataReader metadata, CustomAttribute attribute) =>
        attribute.Constructor.Kind == HandleKind.MemberReference
            && metadata.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent is { Kind: HandleKind.TypeReference } parent
            ? metadata.GetString(metadata.GetTypeReference((TypeReferenceHandle)parent).Name)
            : "";

    private sealed record AttributeRow(int Parent, string Type, byte[] Value)
    {
        public static IEqualityComparer<AttributeRow> SameBytes { get; } = EqualityComparer<AttributeRow>.Create(
            (left, right) => left!.Parent == right!.Parent && left.Type == right.Type && left.Value.AsSpan().SequenceEqual(right.Value));
    }
}
