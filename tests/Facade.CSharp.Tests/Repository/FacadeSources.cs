using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace MappingNets.Tests.Repository;

/// <summary>The sources of src/Facade.CSharp, compiled in memory, and the arrows between their rooms. A room is a folder there.</summary>
internal sealed class FacadeSources
{
    /// <summary>The room's name of everything that the F# core gives.</summary>
    public const string Core = "Core";

    private const string Folder = "src/Facade.CSharp";

    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private static readonly CSharpParseOptions Parsing = new(LanguageVersion.Latest, DocumentationMode.None);

    private readonly CSharpCompilation _compilation;

    private FacadeSources(CSharpCompilation compilation) => _compilation = compilation;

    /// <summary>Every file of the facade, and the assemblies that it is compiled against (those that this test runs with).</summary>
    public static FacadeSources Read()
    {
        var folder = Path.Combine(RepositoryRoot.Path, Folder);
        var trees = Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/'))
            .Where(file => !file.StartsWith("bin/", StringComparison.Ordinal) && !file.StartsWith("obj/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(file => Parse(File.ReadAllText(Path.Combine(folder, file)), file))
            .Prepend(Parse(ImplicitUsings, ""));
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(file => Path.GetFileName(file) != "MappingNets.dll")
            .Select(file => MetadataReference.CreateFromFile(file));
        var options = new CSharpCompilationOptions(
            OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable);
        // The assembly's own name, so that what the core shows to it alone is seen here too.
        return new(CSharpCompilation.Create("MappingNets", trees, references, options));
    }

    /// <summary>The same sources with one more file.</summary>
    /// <param name="file">Where it would stand, below src/Facade.CSharp.</param>
    /// <param name="text">Its text.</param>
    public FacadeSources With(string file, string text) => new(_compilation.AddSyntaxTrees(Parse(text, file)));

    /// <summary>The folders that hold files; a file beside them has the empty room.</summary>
    public ISet<string> Rooms => _compilation.SyntaxTrees.Where(tree => tree.FilePath.Length > 0).Select(RoomOf).ToHashSet();

    /// <summary>What the compiler refuses, or nothing. A partial method whose other half a source generator writes is no error here.</summary>
    public IReadOnlyList<string> Errors() =>
        [.. _compilation.GetDiagnostics()
            .Where(found => found.Severity == DiagnosticSeverity.Error && found.Id is not ("CS8795" or "CS9248"))
            .Select(found => found.ToString())];

    /// <summary>Every use of a type, or of a member of a type, across rooms, the core included.</summary>
    public IReadOnlyList<Arrow> Arrows() =>
        [.. _compilation.SyntaxTrees.Where(tree => tree.FilePath.Length > 0).SelectMany(ArrowsFrom).Distinct()];

    /// <summary>Those of one file.</summary>
    /// <param name="file">Its path below src/Facade.CSharp.</param>
    public IReadOnlyList<Arrow> ArrowsOf(string file) =>
        [.. _compilation.SyntaxTrees.Where(tree => tree.FilePath == file).SelectMany(ArrowsFrom).Distinct()];

    /// <summary>Types that stand in more than one room.</summary>
    public IReadOnlyList<string> SplitTypes() =>
        [.. _compilation.SyntaxTrees.Where(tree => tree.FilePath.Length > 0)
            .SelectMany(tree => tree.GetRoot().DescendantNodes().OfType<BaseTypeDeclarationSyntax>()
                .Select(type => (Symbol: _compilation.GetSemanticModel(tree).GetDeclaredSymbol(type)!.ToDisplayString(), Room: RoomOf(tree))))
            .Distinct()
            .GroupBy(found => found.Symbol)
            .Where(found => found.Count() > 1)
            .Select(found => $"{found.Key}: {string.Join(", ", found.Select(part => part.Room).Order(StringComparer.Ordinal))}")];

    /// <summary>
    /// The places where a number becomes a TorchSharp Scalar that nothing holds until the call which gets it is over: converted silently,
    /// or made where no using declaration keeps it.
    /// </summary>
    /// <param name="rooms">The rooms to look into.</param>
    public IReadOnlyList<string> UnheldNumbers(IReadOnlyCollection<string> rooms) =>
        [.. _compilation.SyntaxTrees.Where(tree => tree.FilePath.Length > 0 && rooms.Contains(RoomOf(tree))).SelectMany(UnheldNumbers)];

    private IEnumerable<string> UnheldNumbers(SyntaxTree tree)
    {
        var model = _compilation.GetSemanticModel(tree);
        return tree.GetRoot().DescendantNodes().OfType<ExpressionSyntax>()
            .Where(node => node.Parent is not MemberAccessExpressionSyntax)
            .Where(node => BecomesNumber(model, node) || IsMadeByTorchSharp(model, node) || (IsNumber(model.GetTypeInfo(node).Type) && IsMade(node) && !IsHeld(node)))
            .Select(node => $"{Folder}/{tree.FilePath}:{tree.GetLineSpan(node.Span).StartLinePosition.Line + 1}: {node}");
    }

    private static bool BecomesNumber(SemanticModel model, ExpressionSyntax node) =>
        model.GetConversion(node) is { IsUserDefined: true, IsImplicit: true } && IsNumber(model.GetTypeInfo(node).ConvertedType);

    // tensor * 2 and its like, which TorchSharp turns into a number of its own.
    private static bool IsMadeByTorchSharp(SemanticModel model, ExpressionSyntax node) =>
        node is BinaryExpressionSyntax or AssignmentExpressionSyntax
        && model.GetSymbolInfo(node).Symbol is IMethodSymbol { MethodKind: MethodKind.UserDefinedOperator, ContainingType.Name: "Tensor" } used
        && used.Parameters.Any(operand => operand.Type.SpecialType != SpecialType.None);

    private static bool IsMade(ExpressionSyntax node) =>
        node is InvocationExpressionSyntax or BaseObjectCreationExpressionSyntax or CastExpressionSyntax;

    private static bool IsNumber(ITypeSymbol? type) => type is { Name: "Scalar", ContainingNamespace.Name: "TorchSharp" };

    // using var number = ...; and using (var number = ...)
    private static bool IsHeld(ExpressionSyntax node) =>
        node.Parent is EqualsValueClauseSyntax { Parent: VariableDeclaratorSyntax { Parent.Parent: var statement } }
        && statement is UsingStatementSyntax or LocalDeclarationStatementSyntax { UsingKeyword.RawKind: (int)SyntaxKind.UsingKeyword };

    private static SyntaxTree Parse(string text, string file) => CSharpSyntaxTree.ParseText(SourceText.From(text), Parsing, file);

    private static string RoomOf(SyntaxTree tree) =>
        tree.FilePath.Contains('/') ? tree.FilePath[..tree.FilePath.IndexOf('/')] : "";

    private IEnumerable<Arrow> ArrowsFrom(SyntaxTree tree)
    {
        var from = RoomOf(tree);
        var model = _compilation.GetSemanticModel(tree);
        var nodes = tree.GetRoot().DescendantNodes().Where(node => node is
            (ExpressionSyntax and not LiteralExpressionSyntax) or ConstructorInitializerSyntax or AttributeSyntax or PrimaryConstructorBaseTypeSyntax);
        foreach (var node in nodes)
        {
            var info = model.GetSymbolInfo(node);
            var symbols = info.Symbol is { } symbol ? [symbol] : info.CandidateSymbols;
            foreach (var type in symbols.SelectMany(TypesOf))
            {
                if (RoomOf(type) is { } to && to != from)
                {
                    var line = tree.GetLineSpan(node.Span).StartLinePosition.Line + 1;
                    yield return new(from, to, type.Name, $"{Folder}/{tree.FilePath}:{line}");
                }
            }
        }
    }

    /// <summary>The type that a symbol is or belongs to. Of what a name stands for by inference (var), each part of the type.</summary>
    private static IEnumerable<INamedTypeSymbol> TypesOf(ISymbol symbol) => symbol switch
    {
        INamedTypeSymbol type => type.TypeArguments.SelectMany(TypesOf).Prepend(type.OriginalDefinition),
        IArrayTypeSymbol array => TypesOf(array.ElementType),
        IPointerTypeSymbol pointer => TypesOf(pointer.PointedAtType),
        { ContainingType: { } type } => [type.OriginalDefinition],
        _ => [],
    };

    private static string? RoomOf(INamedTypeSymbol type)
    {
        if (type.ContainingAssembly?.Name == "MappingNets.Core")
            return Core;
        var declaration = type.DeclaringSyntaxReferences.Select(part => part.SyntaxTree).FirstOrDefault(tree => tree.FilePath.Length > 0);
        return declaration is null ? null : RoomOf(declaration);
    }
}
