using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace MappingNets.Tests.Repository;

/// <summary>A small assembly: a native method, a property that yields an IntPtr, and methods with the bodies given.</summary>
internal static class CraftedAssembly
{
    /// <summary>The rows of the members that a body may name.</summary>
    public const int NativeMethod = 1, HandleGetter = 2, ArrayGetter = 3, PlainMethod = 4, FirstBody = 5, HandleField = 1, PlainField = 2;

    /// <summary>An assembly whose methods from <see cref="FirstBody"/> on have these bodies.</summary>
    public static byte[] With(params Action<InstructionEncoder>[] bodies)
    {
        var metadata = new MetadataBuilder();
        metadata.AddModule(0, metadata.GetOrAddString("Crafted.dll"), metadata.GetOrAddGuid(new Guid(7, 1, 2, new byte[8])), default, default);
        metadata.AddAssembly(metadata.GetOrAddString("Crafted"), new Version(1, 0, 0, 0), default, default, default, AssemblyHashAlgorithm.None);
        metadata.AddTypeDefinition(
            default, default, metadata.GetOrAddString("<Module>"), default, MetadataTokens.FieldDefinitionHandle(1), MetadataTokens.MethodDefinitionHandle(1));
        Field(metadata, "handle", type => type.IntPtr());
        Field(metadata, "count", type => type.Int32());

        var code = new BlobBuilder();
        var encoder = new MethodBodyStreamEncoder(code);
        Method(metadata, "native", MethodAttributes.PinvokeImpl, result => result.Void(), -1);
        Method(metadata, "get_handle", 0, result => result.Type().IntPtr(), Body(encoder, Return));
        Method(metadata, "get_handles", 0, result => result.Type().SZArray().IntPtr(), Body(encoder, Return));
        Method(metadata, "plain", 0, result => result.Type().Int32(), Body(encoder, Return));
        foreach (var body in bodies)
            Method(metadata, "body", 0, result => result.Void(), Body(encoder, body));

        var image = new BlobBuilder();
        new ManagedPEBuilder(PEHeaderBuilder.CreateLibraryHeader(), new MetadataRootBuilder(metadata), code).Serialize(image);
        return image.ToArray();
    }

    private static void Return(InstructionEncoder instructions)
    {
        instructions.LoadConstantI4(0);
        instructions.OpCode(ILOpCode.Ret);
    }

    private static int Body(MethodBodyStreamEncoder encoder, Action<InstructionEncoder> body)
    {
        var instructions = new InstructionEncoder(new BlobBuilder(), new ControlFlowBuilder());
        body(instructions);
        return encoder.AddMethodBody(instructions);
    }

    private static void Field(MetadataBuilder metadata, string name, Action<SignatureTypeEncoder> type)
    {
        var signature = new BlobBuilder();
        type(new BlobEncoder(signature).Field().Type());
        metadata.AddFieldDefinition(FieldAttributes.Static, metadata.GetOrAddString(name), metadata.GetOrAddBlob(signature));
    }

    private static void Method(MetadataBuilder metadata, string name, MethodAttributes attributes, Action<ReturnTypeEncoder> result, int body)
    {
        var signature = new BlobBuilder();
        new BlobEncoder(signature).MethodSignature().Parameters(0, result, _ => { });
        metadata.AddMethodDefinition(
            attributes | MethodAttributes.Static, default, metadata.GetOrAddString(name), metadata.GetOrAddBlob(signature), body, MetadataTokens.ParameterHandle(1));
    }
}
