using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace MappingNets.Tests.Repository;

/// <summary>The methods of an assembly that name native code or a handle, found by the runtime's own reader of metadata.</summary>
internal static class HandleReaders
{
    private static readonly Dictionary<int, OpCode> Codes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => (int)(ushort)code.Value);

    /// <summary>The numbers of their rows.</summary>
    public static List<int> Of(byte[] image)
    {
        using var file = new PEReader(new MemoryStream(image));
        var metadata = file.GetMetadataReader();
        return [.. metadata.MethodDefinitions.Where(handle =>
        {
            var address = metadata.GetMethodDefinition(handle).RelativeVirtualAddress;
            return address != 0 && Tokens(file.GetMethodBody(address).GetILBytes()!).Any(token => IsNative(metadata, MetadataTokens.EntityHandle(token)));
        }).Select(handle => MetadataTokens.GetRowNumber(handle))];
    }

    private static IEnumerable<int> Tokens(byte[] instructions)
    {
        for (var at = 0; at < instructions.Length;)
        {
            int value = instructions[at++];
            var code = Codes[value == 0xfe ? 0xfe00 | instructions[at++] : value];
            if (code.OperandType is OperandType.InlineMethod or OperandType.InlineField)
                yield return BitConverter.ToInt32(instructions, at);
            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(instructions, at)),
                _ => 4,
            };
        }
    }

    private static bool IsNative(MetadataReader metadata, EntityHandle member)
    {
        switch (member.Kind)
        {
            case HandleKind.MethodDefinition:
                var method = metadata.GetMethodDefinition((MethodDefinitionHandle)member);
                return method.Attributes.HasFlag(MethodAttributes.PinvokeImpl) || IsHandle(method.DecodeSignature(Types.Reader, null).ReturnType);
            case HandleKind.FieldDefinition:
                return IsHandle(metadata.GetFieldDefinition((FieldDefinitionHandle)member).DecodeSignature(Types.Reader, null));
            case HandleKind.MemberReference:
                var reference = metadata.GetMemberReference((MemberReferenceHandle)member);
                return IsHandle(reference.GetKind() == MemberReferenceKind.Method
                    ? reference.DecodeMethodSignature(Types.Reader, null).ReturnType
                    : reference.DecodeFieldSignature(Types.Reader, null));
            default:
                return false;
        }
    }

    private static bool IsHandle(string type) => type.TrimEnd('[', ']', '*', '&') is "IntPtr" or "UIntPtr" or "function pointer";

    /// <summary>Types by as much of their names as tells a handle from anything else.</summary>
    private sealed class Types : ISignatureTypeProvider<string, object?>
    {
        public static readonly Types Reader = new();

        public string GetPrimitiveType(PrimitiveTypeCode typeCode) => typeCode.ToString();

        public string GetSZArrayType(string elementType) => elementType + "[]";

        public string GetPointerType(string elementType) => elementType + "*";

        public string GetByReferenceType(string elementType) => elementType + "&";

        public string GetFunctionPointerType(MethodSignature<string> signature) => "function pointer";

        public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => unmodifiedType;

        public string GetPinnedType(string elementType) => elementType;

        public string GetArrayType(string elementType, ArrayShape shape) => "array";

        public string GetGenericInstantiation(string genericType, System.Collections.Immutable.ImmutableArray<string> typeArguments) => "instance";

        public string GetGenericMethodParameter(object? genericContext, int index) => "parameter";

        public string GetGenericTypeParameter(object? genericContext, int index) => "parameter";

        public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) => "type";

        public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => "type";

        public string GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) => "type";
    }
}
