using System.Reflection;
using System.Xml.Linq;
using MappingNets.Core;
using Xunit;

namespace MappingNets.Tests;

public sealed class PublicSurfaceTests
{
    private static readonly Assembly Facade = typeof(MappingNetwork).Assembly;

    private static bool IsForeign(Type type) =>
        type.Assembly == typeof(Mapping).Assembly || type.Assembly.GetName().Name == "FSharp.Core";

    private static IEnumerable<MemberInfo> Everything(Assembly assembly) =>
        VisibleMembers.Types(assembly).SelectMany(type => VisibleMembers.Of(type).Prepend(type));

    [Fact]
    public void The_facade_shows_no_type_of_FSharp_nor_of_the_core()
    {
        var leaks = Everything(Facade)
            .SelectMany(member => VisibleMembers.MentionedBy(member).Where(IsForeign), (member, type) => $"{member.ReflectedType}.{member}: {type}");

        Assert.Empty(leaks);
    }

    [Fact]
    public void The_search_for_such_types_finds_them_where_they_are()
    {
        // The core is full of them; what is in a generic argument, an array or a constraint counts too.
        Assert.Contains(Everything(typeof(Mapping).Assembly), member => VisibleMembers.MentionedBy(member).Any(IsForeign));
        Assert.All(
            typeof(Leaks).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly),
            method => Assert.Contains(VisibleMembers.MentionedBy(method), IsForeign));
    }

    private static class Leaks
    {
        public static void InAParameter(in Mapping mapping) => GC.KeepAlive(mapping);

        public static IReadOnlyDictionary<string, (int, Mapping)>? InAGenericArgument() => null;

        public static Mapping[][]? InAnArray() => null;

        public static void InAConstraint<T>(T value) where T : IEnumerable<Mapping> => GC.KeepAlive(value);
    }

    [Fact]
    public void Every_public_type_and_member_of_the_facade_says_what_it_is()
    {
        var documented = Documented(Facade);
        var types = VisibleMembers.Types(Facade).ToArray();

        var bare = types.Cast<MemberInfo>()
            .Concat(types.SelectMany(type => VisibleMembers.Of(type).Where(VisibleMembers.IsWritten)))
            .Select(VisibleMembers.DocumentationId)
            .Where(id => !documented.Contains(id));

        Assert.Empty(bare);
        Assert.InRange(types.Length, 20, 200);
    }

    /// <summary>The core's signature files carry the docs. What is checked is what an F# user finds by name there.</summary>
    [Fact]
    public void Every_public_type_and_function_of_the_core_says_what_it_is()
    {
        var documented = Documented(typeof(Mapping).Assembly);
        var names = documented.Select(id => id[2..].Split('(')[0].Split("``")[0]).ToHashSet();

        var bare = from type in VisibleMembers.Types(typeof(Mapping).Assembly)
                   where !type.IsNested || type.DeclaringType!.IsAbstract && type.DeclaringType.IsSealed
                   let isModule = type.IsAbstract && type.IsSealed
                   from name in VisibleMembers.Of(type)
                       .Where(member => isModule ? member is MethodInfo or PropertyInfo : member is PropertyInfo && IsRecordOrClass(type))
                       .Where(member => VisibleMembers.IsWritten(member) || member is PropertyInfo)
                       .Where(member => member is not MethodInfo { IsSpecialName: true })
                       .Select(member => VisibleMembers.DocumentationId(member)[2..].Split('(')[0].Split("``")[0])
                       .Append(VisibleMembers.DocumentationId(type)[2..])
                   where !names.Contains(name)
                   select name;

        Assert.Empty(bare.Distinct());
    }

    // A union's properties (Tag, IsDense, ...) are the compiler's; its cases are documented as types.
    private static bool IsRecordOrClass(Type type) => type.GetProperty("Tag") is null && !type.IsEnum;

    private static HashSet<string> Documented(Assembly assembly) =>
    [
        .. from member in XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml")).Descendants("member")
           where member.Element("inheritdoc") is not null || !string.IsNullOrWhiteSpace(member.Element("summary")?.Value)
           select member.Attribute("name")!.Value,
    ];
}
