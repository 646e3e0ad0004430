using System.Reflection;
using System.Runtime.CompilerServices;
using TorchSharp;

namespace MappingNets;

/// <summary>Warns once, on the error stream, where the process runs a TorchSharp that frees numbers while libtorch reads them.</summary>
/// <remarks>
/// The build step of MappingNets.Core forbids the JIT to optimise the native calls of the copy of TorchSharp.dll in an output
/// (docs/decisions/0009). A script or notebook that loads the package's own file has no such copy, and neither has an application that
/// opted out.
/// </remarks>
internal static class UncuredTorchSharp
{
    /// <summary>The AppContext switch that, set to false, silences the warning.</summary>
    public const string Switch = "MappingNets.WarnOfUncuredTorchSharp";

    /// <summary>The warning.</summary>
    public const string Warning =
        "MappingNets: this process runs TorchSharp as it was shipped, which may free a number while libtorch still reads it: training can fail, "
        + "or go wrong, when garbage is collected meanwhile. Load TorchSharp.dll from the output of a build that references MappingNets, or "
        + "start the process with DOTNET_JITMinOpts=1. The AppContext switch " + Switch + " = false silences this message.";

#pragma warning disable CA2255 // Meant for applications, but the one way to speak up once whatever part of the library is used first.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Warn()
    {
        if (AppContext.TryGetSwitch(Switch, out var wanted) && !wanted)
            return;
        if (KeepsArguments() || OptimisesNothing())
            return;
        Console.Error.WriteLine(Warning);
    }

    /// <summary>Whether a method that reads the handle of a number has the build step's mark; true where trimming took it out.</summary>
    public static bool KeepsArguments() =>
        typeof(torch.Tensor).GetMethod(nameof(torch.Tensor.mul), [typeof(Scalar)]) is not { } method
        || method.MethodImplementationFlags.HasFlag(MethodImplAttributes.NoOptimization);

    /// <summary>Whether the process was started with the JIT's optimisation off for all code.</summary>
    private static bool OptimisesNothing() =>
        new[] { "DOTNET_JITMinOpts", "COMPlus_JITMinOpts" }.Any(name => Environment.GetEnvironmentVariable(name) == "1");
}
