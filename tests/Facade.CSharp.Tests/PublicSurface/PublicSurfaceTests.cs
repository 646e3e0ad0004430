using System.Reflection;
using System.Xml.Linq;
using MappingNets.Core;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Xunit;

namespace MappingNets.Tests;

public sealed class PublicSurfaceTests
{
    private static readonly Assembly Facade = typeof(MappingNetwork).Assembly;

    private static readonly Assembly CoreAssembly = typeof(Mapping).Assembly;

    /// <summary>What only F# reads: whatever FSharp.Core defines (functions, options, lists), and unions, records and modules of the core.</summary>
    private static bool IsForeign(Type type)
    {
        if (type.Assembly.GetName().Name == "FSharp.Core")
            return true;
        var construct = type.GetCustomAttribute<CompilationMappingAttribute>(inherit: false)?.SourceConstructFlags & SourceConstructFlags.KindMask;
        return construct is SourceConstructFlags.SumType or SourceConstructFlags.RecordType or SourceConstructFlags.UnionCase
            or SourceConstructFlags.Module;
    }

    /// <summary>Some types and every type of the core that they lead to: a class or an enum passes, and then its own members count too.</summary>
    private static IReadOnlyCollection<Type> ReachedFrom(IEnumerable<Type> types)
    {
        HashSet<Type> reached = [.. types];
        var open = new Stack<Type>(reached);
        while (open.TryPop(out var type))
            foreach (var next in VisibleMembers.Of(type).Prepend(type).SelectMany(VisibleMembers.MentionedBy).Select(Definition))
                if (next.Assembly == CoreAssembly && reached.Add(next))
                    open.Push(next);
        return reached;
    }

    private static Type Definition(Type type) => type.IsConstructedGenericType ? type.GetGenericTypeDefinition() : type;

    private static IEnumerable<MemberInfo> Everything(Assembly assembly) => Everything(VisibleMembers.Types(assembly));

    private static IEnumerable<MemberInfo> Everything(IEnumerable<Type> types) =>
        ReachedFrom(types).SelectMany(type => VisibleMembers.Of(type).Prepend(type));

    [Fact]
    public void The_facade_shows_nothing_that_only_FSharp_reads()
    {
        Assert.Empty(Leaking(Everything(Facade)));
    }

    /// <summary>What the facade may hand out: C# reads all of it, wherever it is written.</summary>
    [Theory]
    [InlineData(typeof(Mapping), nameof(Mapping.Generate))]
    [InlineData(typeof(ParameterLayout), nameof(ParameterLayout.Entries))]
    [InlineData(typeof(MappingDescription), nameof(MappingDescription.Build))]
    public void A_class_of_the_core_reads_in_CSharp_as_its_own(Type type, string member)
    {
        var everything = Everything([type]).ToArray();

        Assert.Contains(everything, each => each.Name == member);
        Assert.Contains(everything, each => each.ReflectedType == typeof(ParameterEntry));
        Assert.Empty(Leaking(everything));
    }

    private static IEnumerable<string> Leaking(IEnumerable<MemberInfo> members) => members
        .SelectMany(member => VisibleMembers.MentionedBy(member).Where(IsForeign), (member, type) => $"{member.ReflectedType}.{member}: {type}");

    [Fact]
    public void The_search_for_such_types_finds_them_where_they_are()
    {
        // The core is full of them; what is in a generic argument, an array or a constraint counts too.
        Assert.Contains(Everything(CoreAssembly), member => VisibleMembers.MentionedBy(member).Any(IsForeign));
        Assert.All(
            typeof(Leaks).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly),
            method => Assert.Contains(VisibleMembers.MentionedBy(method), IsForeign));
    }

    private static class Leaks
    {
        public static void InAParameter(in MappingSpecification record) => GC.KeepAlive(record);

        public static IReadOnlyDictionary<string, (int, Modulation)>? InAGenericArgument() => null;

        public static LatentSplit[][]? InAnArray() => null;

        public static void InAConstraint<T>(T value) where T : IEnumerable<FSharpFunc<int, int>> => GC.KeepAlive(value);

        public static FSharpOption<int>? AsAnOption() => null;

        public static FSharpList<int>? AsAList() => null;
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
                       // The compiler's twin of an inline function, with its constraints as arguments; F# code cannot name it.
                       .Where(member => !member.Name.EndsWith("$W", StringComparison.Ordinal))
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
