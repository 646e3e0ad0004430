using System.Globalization;

namespace MappingNets.Experiments.Bench;

/// <summary>What <see cref="NativeHeap.RetainFreedMemory"/> does for a step: each side in processes of its own, because it cannot be undone.</summary>
public static class HeapTimes
{
    private const int Batch = 128;

    /// <summary>The targets whose blocks are large.</summary>
    public static IReadOnlyList<string> Targets { get; } = ["resnet-18", "mlp-25m"];

    /// <summary>Mapped training, the heap kept between steps against glibc's default.</summary>
    /// <param name="target">One of the targets.</param>
    /// <param name="pairs">How many pairs count.</param>
    public static Ratio Measure(string target, int pairs) => Ratio.Measure(
        $"{target} batch {Batch}, mapped: heap kept between steps / glibc's default", "ms a step", pairs,
        () => Child("kept", target), () => Child("own", target));

    /// <summary>The child: trains a few steps and prints the milliseconds of one.</summary>
    /// <param name="heap">"kept" or "own".</param>
    /// <param name="target">One of the targets.</param>
    public static void RunChild(string heap, string target)
    {
        if (heap == "kept")
            _ = NativeHeap.RetainFreedMemory();
        var @case = StepCase.All(quick: false).Single(one => one.Name == target);
        Console.WriteLine(StepTimes.Mapped(@case, Batch).ToString(CultureInfo.InvariantCulture));
    }

    private static double Child(string heap, string target) =>
        double.Parse(ChildProcess.Words(["--heap-child", heap, target], 1)[0], CultureInfo.InvariantCulture);
}
