using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Which modules of the process are on loan, with all that is in them: two targets would overwrite one another's weights.</summary>
internal static class ModuleLoans
{
    private static readonly ConditionalWeakTable<nn.Module, string> Loans = [];
    private static readonly Lock Gate = new();

    /// <summary>Lends a module.</summary>
    /// <param name="module">The module.</param>
    /// <param name="target">The name in messages of the target that gets it.</param>
    /// <returns>All modules that are now on loan, to give back.</returns>
    /// <exception cref="ArgumentException">It, or a module in it, is on loan.</exception>
    public static IReadOnlyList<nn.Module> Lend(nn.Module module, string target)
    {
        nn.Module[] parts = [.. module.named_modules().Select(part => part.module).Prepend(module).Distinct()];
        lock (Gate)
        {
            foreach (var part in parts)
                if (Loans.TryGetValue(part, out var other))
                    throw new ArgumentException(
                        $"The {(ReferenceEquals(part, module) ? "module" : $"module's part '{ModuleName.Of(part)}'")} is on loan to the target '{other}'; "
                        + "dispose that target first, or use it again: one target serves any number of models.",
                        nameof(module));
            foreach (var part in parts)
                Loans.Add(part, target);
        }

        return parts;
    }

    /// <summary>Takes modules back.</summary>
    public static void Return(IEnumerable<nn.Module> modules)
    {
        lock (Gate)
            foreach (var module in modules)
                Loans.Remove(module);
    }
}
