using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text;
using MappingNets.Build;
using TorchSharp;
using Xunit;

namespace MappingNets.Tests.Repository;

public sealed class NativeCallersTests
{
    private const MethodImplAttributes Mark = MethodImplAttributes.NoOptimization | MethodImplAttributes.NoInlining;

    /// <summary>Marks a copy, requires that it changed only if the result says so, and returns both.</summary>
    private static (MarkResult Result, byte[] Image) Marked(byte[] image)
    {
        var copy = (byte[])image.Clone();
        var result = NativeCallers.Mark(copy);
        Assert.Equal(result == MarkResult.Marked, !image.SequenceEqual(copy));
        return (result, copy);
    }

    [Fact]
    public void ThisProcessRunsTheCuredTorchSharp() =>
        Assert.Equal(MarkResult.AlreadyMarked, Marked(File.ReadAllBytes(typeof(torch).Assembly.Location)).Result);

    [Fact]
    public void EveryMethodOfTorchSharpThatTakesANumberAndCallsNativeCodeIsMarked()
    {
        var numbers = typeof(torch.Tensor).GetMethods().Where(method =>
            method.DeclaringType == typeof(torch.Tensor) && method.GetParameters().Any(parameter => parameter.ParameterType == typeof(Scalar))).ToList();
        Assert.True(numbers.Count > 100, $"{numbers.Count} methods");
        Assert.All(
            numbers.Where(method => method.GetMethodBody()!.LocalVariables.Any(local => local.LocalType == typeof(IntPtr))),
            method => Assert.Equal(Mark, method.MethodImplementationFlags & Mark));
        Assert.Equal(Mark, typeof(torch.Tensor).GetMethod("mul", [typeof(Scalar)])!.MethodImplementationFlags & Mark);
        Assert.Equal(Mark, typeof(torch.Tensor).GetMethod("add_", [typeof(torch.Tensor), typeof(Scalar)])!.MethodImplementationFlags & Mark);
    }

    [Fact]
    public void TheShippedTorchSharpGetsTwoBitsWhereAnotherReaderFindsAHandleAndNothingElseChanges()
    {
        var original = File.ReadAllBytes(PackagedTorchSharp.Path);
        var (result, image) = Marked(original);
        Assert.Equal(MarkResult.Marked, result);
        Assert.Equal(MarkResult.AlreadyMarked, Marked(image).Result);

        var callers = HandleReaders.Of(original);
        Assert.InRange(callers.Count, 1000, 5000);
        using var file = new PEReader(new MemoryStream(original));
        var metadata = file.GetMetadataReader();
        var first = file.PEHeaders.MetadataStartOffset + metadata.GetTableMetadataOffset(TableIndex.MethodDef);
        foreach (var method in callers)
            original[first + ((method - 1) * metadata.GetTableRowSize(TableIndex.MethodDef)) + 4] |= (byte)Mark;
        Assert.True(original.SequenceEqual(image));
    }

    public static TheoryData<string, bool> Bodies => new()
    {
        { "calls native code", true },
        { "reads a handle", true },
        { "reads handles", true },
        { "loads a field with a handle", true },
        { "takes a native method's address", true },
        { "long, behind a switch", true },
        { "calls a plain method", false },
        { "loads a plain field", false },
        { "has the bytes of a call in a constant", false },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public void MarksWhatReachesNativeCode(string body, bool isMarked)
    {
        var (result, image) = Marked(CraftedAssembly.With(instructions => Write(instructions, body)));
        Assert.Equal(isMarked ? MarkResult.Marked : MarkResult.NoNativeCalls, result);
        using var file = new PEReader(new MemoryStream(image));
        var metadata = file.GetMetadataReader();
        Assert.All(metadata.MethodDefinitions, handle => Assert.Equal(
            isMarked && MetadataTokens.GetRowNumber(handle) == CraftedAssembly.FirstBody ? Mark : 0,
            metadata.GetMethodDefinition(handle).ImplAttributes & Mark));
    }

    [Fact]
    public void MarksWhatWasLeftOut()
    {
        var (_, image) = Marked(CraftedAssembly.With(Native, Native));
        using var file = new PEReader(new MemoryStream(image));
        var metadata = file.GetMetadataReader();
        var first = file.PEHeaders.MetadataStartOffset + metadata.GetTableMetadataOffset(TableIndex.MethodDef);
        var half = (byte[])image.Clone();
        half[first + (CraftedAssembly.FirstBody * metadata.GetTableRowSize(TableIndex.MethodDef)) + 4] = (byte)MethodImplAttributes.NoInlining;
        var (result, again) = Marked(half);
        Assert.Equal(MarkResult.Marked, result);
        Assert.True(image.SequenceEqual(again));
        static void Native(InstructionEncoder instructions) => Write(instructions, "calls native code");
    }

    [Fact]
    public void LeavesPrecompiledCodeAlone() =>
        Assert.Equal(MarkResult.Precompiled, Marked(File.ReadAllBytes(typeof(object).Assembly.Location)).Result);

    [Theory]
    [InlineData("")]
    [InlineData("MZ\u0090 cut short")]
    [InlineData("\u007fELF another system's library")]
    public void LeavesForeignFilesAlone(string text) =>
        Assert.Equal(MarkResult.NotAnAssembly, Marked(Encoding.Latin1.GetBytes(text)).Result);

    [Fact]
    public void AFileCutShortOrWithAnyOtherByteAnywhereIsReadWithoutHarm()
    {
        var sound = CraftedAssembly.With(instructions => Write(instructions, "long, behind a switch"));
        for (var length = 0; length < sound.Length; length++)
            _ = Marked(sound[..length]);
        foreach (var value in new byte[] { 0x00, 0x01, 0x7f, 0x80, 0xff })
            for (var at = 0; at < sound.Length; at++)
            {
                var image = (byte[])sound.Clone();
                image[at] = value;
                _ = Marked(image);
            }
    }

    private static void Write(InstructionEncoder instructions, string body)
    {
        switch (body)
        {
            case "calls native code":
                instructions.Call(MetadataTokens.MethodDefinitionHandle(CraftedAssembly.NativeMethod));
                break;
            case "reads a handle":
                instructions.Call(MetadataTokens.MethodDefinitionHandle(CraftedAssembly.HandleGetter));
                break;
            case "reads handles":
                instructions.Call(MetadataTokens.MethodDefinitionHandle(CraftedAssembly.ArrayGetter));
                break;
            case "loads a field with a handle":
                instructions.OpCode(ILOpCode.Ldsfld);
                instructions.Token(MetadataTokens.FieldDefinitionHandle(CraftedAssembly.HandleField));
                break;
            case "takes a native method's address":
                instructions.OpCode(ILOpCode.Ldftn);
                instructions.Token(MetadataTokens.MethodDefinitionHandle(CraftedAssembly.NativeMethod));
                break;
            case "long, behind a switch":
                for (var filler = 0; filler < 70; filler++)
                    instructions.OpCode(ILOpCode.Nop);
                instructions.LoadConstantI4(0);
                instructions.OpCode(ILOpCode.Switch);
                instructions.CodeBuilder.WriteInt32(2);
                instructions.CodeBuilder.WriteInt32(0);
                // Read as an instruction, its last byte would take the next eight for a constant.
                instructions.CodeBuilder.WriteInt32((int)ILOpCode.Ldc_i8 << 24);
                instructions.Call(MetadataTokens.MethodDefinitionHandle(CraftedAssembly.NativeMethod));
                break;
            case "calls a plain method":
                instructions.Call(MetadataTokens.MethodDefinitionHandle(CraftedAssembly.PlainMethod));
                break;
            case "loads a plain field":
                instructions.OpCode(ILOpCode.Ldsfld);
                instructions.Token(MetadataTokens.FieldDefinitionHandle(CraftedAssembly.PlainField));
                break;
            default:
                // call 0x06000001, as the eight bytes of a constant.
                instructions.LoadConstantI8(0x0000_0006_0000_0128);
                break;
        }

        instructions.OpCode(ILOpCode.Ret);
    }
}
