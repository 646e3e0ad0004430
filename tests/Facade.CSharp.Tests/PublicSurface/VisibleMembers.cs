using System.Reflection;
using System.Runtime.CompilerServices;

namespace MappingNets.Tests;

/// <summary>What a user of an assembly can see: public and protected members of public types, by their names in the XML docs.</summary>
internal static class VisibleMembers
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static IEnumerable<Type> Types(Assembly assembly) => assembly.GetExportedTypes();

    /// <summary>Also what a compiler added, such as a record's Deconstruct; without inherited members.</summary>
    public static IEnumerable<MemberInfo> Of(Type type) => type.GetMembers(Declared).Where(IsVisible);

    private static bool IsVisible(MemberInfo member) => member switch
    {
        MethodBase method => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly,
        FieldInfo field => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly,
        PropertyInfo property => property.GetAccessors(true).Any(IsVisible),
        EventInfo happening => IsVisible(happening.AddMethod!),
        Type nested => nested.IsNestedPublic || nested.IsNestedFamily || nested.IsNestedFamORAssem,
        _ => true,
    };

    /// <summary>Every type that a type or a member's signature mentions, down to generic arguments, elements and constraints.</summary>
    public static IEnumerable<Type> MentionedBy(MemberInfo member) => (member switch
    {
        Type type => [type.BaseType, .. type.GetInterfaces(), .. type.GetGenericArguments()],
        ConstructorInfo constructor => constructor.GetParameters().Select(Of),
        MethodInfo method => [method.ReturnType, .. method.GetParameters().Select(Of), .. method.GetGenericArguments()],
        FieldInfo field => [field.FieldType],
        PropertyInfo property => [property.PropertyType, .. property.GetIndexParameters().Select(Of)],
        EventInfo happening => [happening.EventHandlerType],
        _ => Array.Empty<Type?>(),
    }).OfType<Type>().SelectMany(Parts);

    private static Type? Of(ParameterInfo parameter) => parameter.ParameterType;

    private static IEnumerable<Type> Parts(Type type) =>
    [
        type,
        .. type.HasElementType ? Parts(type.GetElementType()!) : [],
        .. type.IsGenericParameter ? type.GetGenericParameterConstraints().SelectMany(Parts) : [],
        .. type.IsGenericType ? type.GetGenericArguments().SelectMany(Parts) : [],
    ];

    /// <summary>Whether a person wrote the member, so that a person must have documented it.</summary>
    public static bool IsWritten(MemberInfo member)
    {
        if (member.IsDefined(typeof(CompilerGeneratedAttribute)) || member is MethodInfo { IsSpecialName: true } or Type)
            return false;
        return member switch
        {
            // An enum's storage; delegates' methods; the constructor that every class has; a record's own text and equality.
            FieldInfo { IsSpecialName: true } => false,
            ConstructorInfo constructor => constructor.GetParameters().Length > 0 && constructor.DeclaringType!.BaseType != typeof(MulticastDelegate),
            MethodInfo method => method.GetBaseDefinition().DeclaringType != typeof(object)
                && method.DeclaringType!.BaseType != typeof(MulticastDelegate),
            _ => true,
        };
    }

    /// <summary>The member's name as the compiler writes it into the XML documentation file.</summary>
    public static string DocumentationId(MemberInfo member) => member switch
    {
        Type type => "T:" + Name(type),
        FieldInfo field => $"F:{Name(field.DeclaringType!)}.{field.Name}",
        EventInfo happening => $"E:{Name(happening.DeclaringType!)}.{happening.Name}",
        PropertyInfo property => $"P:{Name(property.DeclaringType!)}.{property.Name}{Parameters(property.GetIndexParameters())}",
        ConstructorInfo constructor => $"M:{Name(constructor.DeclaringType!)}.#ctor{Parameters(constructor.GetParameters())}",
        MethodInfo method => $"M:{Name(method.DeclaringType!)}.{method.Name}"
            + (method.IsGenericMethod ? $"``{method.GetGenericArguments().Length}" : "") + Parameters(method.GetParameters()),
        _ => throw new NotSupportedException(member.ToString()),
    };

    private static string Parameters(ParameterInfo[] parameters) =>
        parameters.Length == 0 ? "" : $"({string.Join(",", parameters.Select(parameter => Name(parameter.ParameterType)))})";

    private static string Name(Type type)
    {
        if (type.IsByRef)
            return Name(type.GetElementType()!) + "@";
        if (type.IsArray)
            return Name(type.GetElementType()!) + (type.GetArrayRank() == 1
                ? "[]"
                : $"[{string.Join(",", Enumerable.Repeat("0:", type.GetArrayRank()))}]");
        if (type.IsGenericParameter)
            return (type.DeclaringMethod is null ? "`" : "``") + type.GenericParameterPosition;
        var name = type.IsConstructedGenericType
            ? type.GetGenericTypeDefinition().FullName!.Split('`')[0]
                + $"{{{string.Join(",", type.GetGenericArguments().Select(Name))}}}"
            : type.FullName!;
        return name.Replace('+', '.');
    }
}
