using System.Globalization;
using System.Runtime.CompilerServices;

namespace MappingNets.Experiments.Bench;

/// <summary>The cost of running TorchSharp unoptimised (docs/decisions/0009): each side in processes of its own, in turn.</summary>
internal static class CureTimes
{
    private const int Batch = 128;
    private const int Steps = 200;

    /// <summary>The targets: a usual one, and one whose steps are so short that TorchSharp's own share is largest.</summary>
    public static IReadOnlyList<string> Targets { get; } = ["cnn2", "lstm"];

    /// <summary>Mapped training with the cured TorchSharp against the shipped one.</summary>
    /// <param name="target">One of the targets.</param>
    /// <param name="pairs">How many pairs count.</param>
    public static Ratio Measure(string target, int pairs)
    {
        using var uncured = new UncuredCopy();
        return Ratio.Measure(
            $"{target} batch {Batch}, mapped: TorchSharp cured / as shipped", "ms a step", pairs,
            () => Child(target, CuredProgram), () => Child(target, uncured.Program), atMost: 1.02);
    }

    /// <summary>The child: trains some steps and prints the milliseconds of one.</summary>
    /// <param name="target">One of the targets.</param>
    public static void RunChild(string target)
    {
        // The warning would come with every pair. Set before anything of the library is used, hence the method below.
        AppContext.SetSwitch("MappingNets.WarnOfUncuredTorchSharp", false);
        Train(target);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Train(string target)
    {
        _ = NativeHeap.RetainFreedMemory();
        var @case = StepCase.All(quick: false).Single(one => one.Name == target) with { Steps = Steps };
        Console.WriteLine(StepTimes.Mapped(@case, Batch).ToString(CultureInfo.InvariantCulture));
    }

    private static string CuredProgram => typeof(CureTimes).Assembly.Location;

    private static double Child(string target, string program)
    {
        const int attempts = 3;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return double.Parse(ChildProcess.Words(["--cure-child", target], 1, program)[0], CultureInfo.InvariantCulture);
            }
            catch (InvalidOperationException) when (attempt < attempts)
            {
                // The shipped TorchSharp has the fault that the cure is for: a child may die of it.
            }
        }
    }
}
