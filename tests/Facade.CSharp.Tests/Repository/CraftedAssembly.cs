using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace MappingNets.Tests.Repository;

/// <summary>A small assembly with a module, a type and at most two attributes.</summary>
internal static class CraftedAssembly
{
    /// <summary>An assembly whose <c>DebuggableAttribute</c> has the value given, or that has none.</summary>
    /// <param name="flags">The value; null for an assembly without the attribute.</param>
    /// <param name="shared">Whether its only type has another attribute, with the same bytes for its value.</param>
    public static byte[] WithDebuggable(int? flags, bool shared)
    {
        var metadata = new MetadataBuilder();
        metadata.AddModule(0, metadata.GetOrAddString("Crafted.dll"), metadata.GetOrAddGuid(new Guid(7, 1, 2, new byte[8])), default, default);
        var assembly = metadata.AddAssembly(metadata.GetOrAddString("Crafted"), new Version(1, 0, 0, 0), default, default, default, AssemblyHashAlgorithm.None);
        var runtime = typeof(object).Assembly.GetName();
        var library = metadata.AddAssemblyReference(
            metadata.GetOrAddString(runtime.Name!), runtime.Version!, default, metadata.GetOrAddBlob(runtime.GetPublicKeyToken()!), default, default);
        var type = metadata.AddTypeDefinition(default, default, metadata.GetOrAddString("<Module>"), default, MetadataTokens.FieldDefinitionHandle(1), MetadataTokens.MethodDefinitionHandle(1));
        if (flags is { } value)
        {
            var bytes = new BlobBuilder();
            bytes.WriteUInt16(1);
            bytes.WriteInt32(value);
            bytes.WriteUInt16(0);
            var blob = metadata.GetOrAddBlob(bytes);
            var debuggable = Type(metadata, library, "System.Diagnostics", "DebuggableAttribute");
            var modes = Type(metadata, debuggable, "", "DebuggingModes");
            metadata.AddCustomAttribute(assembly, Constructor(metadata, debuggable, parameter => parameter.Type(modes, isValueType: true)), blob);
            if (shared)
            {
                var other = Type(metadata, library, "System", "OtherAttribute");
                metadata.AddCustomAttribute(type, Constructor(metadata, other, parameter => parameter.Int32()), blob);
            }
        }

        var image = new BlobBuilder();
        new ManagedPEBuilder(PEHeaderBuilder.CreateLibraryHeader(), new MetadataRootBuilder(metadata), new BlobBuilder()).Serialize(image);
        return image.ToArray();
    }

    private static TypeReferenceHandle Type(MetadataBuilder metadata, EntityHandle scope, string space, string name) =>
        metadata.AddTypeReference(scope, metadata.GetOrAddString(space), metadata.GetOrAddString(name));

    private static MemberReferenceHandle Constructor(MetadataBuilder metadata, EntityHandle type, Action<SignatureTypeEncoder> parameter)
    {
        var signature = new BlobBuilder();
        new BlobEncoder(signature).MethodSignature(isInstanceMethod: true)
            .Parameters(1, result => result.Void(), parameters => parameter(parameters.AddParameter().Type()));
        return metadata.AddMemberReference(type, metadata.GetOrAddString(".ctor"), metadata.GetOrAddBlob(signature));
    }
}
