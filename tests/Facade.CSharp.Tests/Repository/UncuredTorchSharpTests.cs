using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using TorchSharp;
using Xunit;

namespace MappingNets.Tests.Repository;

/// <summary>The library loaded once more, beside a TorchSharp of the test's choice, whose first use is then observed.</summary>
[Collection(nameof(UncuredTorchSharpTests))]
[CollectionDefinition(nameof(UncuredTorchSharpTests), DisableParallelization = true)]
public sealed class UncuredTorchSharpTests
{
    [Fact]
    public void WarnsOnceWhereTorchSharpIsAsShipped()
    {
        var said = FirstUse(PackagedTorchSharp.Path, times: 2);
        Assert.Equal([UncuredTorchSharp.Warning], said.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void IsSilentWhereTorchSharpIsCured() => Assert.Empty(FirstUse(typeof(torch).Assembly.Location));

    [Fact]
    public void ASwitchSilencesTheWarning()
    {
        AppContext.SetSwitch(UncuredTorchSharp.Switch, false);
        try
        {
            Assert.Empty(FirstUse(PackagedTorchSharp.Path));
        }
        finally
        {
            AppContext.SetSwitch(UncuredTorchSharp.Switch, true);
        }
    }

    /// <summary>What the library writes on the error stream when a context of its own uses it for the first time.</summary>
    private static string FirstUse(string torchSharp, int times = 1)
    {
        var errors = Console.Error;
        using var said = new StringWriter();
        Console.SetError(said);
        try
        {
            var context = new Context(torchSharp);
            var library = context.LoadFromAssemblyPath(typeof(Trainer).Assembly.Location);
            for (var time = 0; time < times; time++)
            {
                RuntimeHelpers.RunModuleConstructor(library.ManifestModule.ModuleHandle);
            }

            context.Unload();
            return said.ToString();
        }
        finally
        {
            Console.SetError(errors);
        }
    }

    private sealed class Context(string torchSharp) : AssemblyLoadContext(isCollectible: true)
    {
        protected override Assembly? Load(AssemblyName assemblyName) =>
            assemblyName.Name == "TorchSharp" ? LoadFromAssemblyPath(torchSharp) : null;
    }
}
