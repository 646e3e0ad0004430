using System.Globalization;
using MappingNets;
using MappingNets.Experiments.Bench;
using MappingNets.Experiments.Reporting;
using Spectre.Console;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is ["--memory-child", var childMethod, var childTarget])
{
    MemoryUse.RunChild(childMethod, childTarget);
    return 0;
}

if (args is ["--heap-child", var childHeap, var heapTarget])
{
    HeapTimes.RunChild(childHeap, heapTarget);
    return 0;
}

if (args is ["--streaming-child", var streamingMethod, var streamingTarget])
{
    StreamingUse.RunChild(streamingMethod, streamingTarget);
    return 0;
}

if (args is ["--cure-child", var cureTarget])
{
    CureTimes.RunChild(cureTarget);
    return 0;
}

// As in every program here that trains: otherwise the C library's heap is measured along. Not for the children, whose memory is.
_ = NativeHeap.RetainFreedMemory();
var quick = args.Contains("--quick");
var place = Array.IndexOf(args, "--out");
var onlyPlace = Array.IndexOf(args, "--only");
var only = onlyPlace >= 0 && onlyPlace + 1 < args.Length ? args[onlyPlace + 1] : null;
var update = Array.IndexOf(args, "--update");
var networksPlace = Array.IndexOf(args, "--networks");
var networks = networksPlace >= 0 && networksPlace + 1 < args.Length ? args[networksPlace + 1].Split(',') : null;
var folder = place >= 0 && place + 1 < args.Length ? args[place + 1] : Path.Combine("artifacts", "bench");
var document = update >= 0 && update + 1 < args.Length ? args[update + 1] : null;
// Before anything is measured, which takes long.
var complaint = (only, File.Exists(folder), document) switch
{
    (not (null or "memory" or "streaming" or "streaming-times" or "streamed-bits" or "heap" or "cure" or "steps" or "stability-share" or "own-loop" or "generation" or "small" or "small-step" or "image-folder"), _, _) =>
        $"--only takes memory, streaming, streaming-times, streamed-bits, heap, cure, steps, stability-share, own-loop, generation, small, small-step or image-folder; '{only}' is none of them.",
    (_, true, _) => $"--out takes a folder; '{folder}' is a file.",
    (_, _, { } file) when !File.Exists(file) => $"--update takes a file with a section \"bench tables\"; '{file}' is not there.",
    (_, _, { } file) when !MarkedSection.Has(file, "bench tables") => $"--update takes a file with a section \"bench tables\"; '{file}' has none.",
    _ when networks is not null && (only != "streaming" || networks.Except(StreamingUse.Cases(quick).Select(@case => @case.Target)).Any()) =>
        $"--networks goes with --only streaming, and takes {string.Join(", ", StreamingUse.Cases(quick).Select(@case => @case.Target).Distinct())}.",
    _ => null,
};
if (complaint is not null)
{
    Console.Error.WriteLine(complaint);
    return 1;
}

if (args.Contains("--help") || args.Length != (quick ? 1 : 0) + (place >= 0 ? 2 : 0) + (update >= 0 ? 2 : 0) + (networksPlace >= 0 ? 2 : 0) + (onlyPlace >= 0 ? 2 : 0))
{
    Console.WriteLine("""
        Measures training through a mapping against direct training, side by side, and writes report.json, table.md and plots.

          --quick        leaves out the slow cases
          --only PART    memory, streaming, streaming-times, streamed-bits, heap, cure, steps, stability-share, own-loop, generation, small,
                         small-step or image-folder alone; the other parts stay as they are in the folder's report
          --networks A,B with --only streaming: only these networks' rows, such as resnet-50; the others stay
          --out FOLDER   where the results go; artifacts/bench where it is not named
          --update FILE  also writes the tables into the file's section "bench tables", as docs/performance.md has one
        """);
    return args.Contains("--help") ? 0 : 1;
}

Directory.CreateDirectory(folder);
var pairs = quick ? 5 : 7;
var report = BenchReport.Start(quick);
// The other parts, and this one as it was, until it is measured.
BenchReport? kept = null;
try
{
    kept = only is null ? null : BenchReport.Open(folder, quick);
}
catch (Exception fault) when (ExampleProgram.IsAnswer(fault))
{
    return ExampleProgram.Refuse(fault);
}

void Keep()
{
    if (kept is null)
        report.Write(folder);
}

bool Wanted(string part) => only is null || only == part;

// What runs in children first: they need what this process's heap would by then keep.
foreach (var (method, target) in Wanted("memory") ? Memory(quick) : [])
{
    var point = MemoryUse.Measure(method, target);
    AnsiConsole.WriteLine($"{target}, {method}: {point.BytesPerWeight:F1} bytes a weight, mapping alone {point.FixedWeightBytes / 1e6:F1} MB");
    report.Memory.Add(point);
}

Keep();
foreach (var (method, target) in Wanted("streaming") ? StreamingUse.Cases(quick).Where(@case => networks?.Contains(@case.Target) != false) : [])
{
    var point = StreamingUse.Measure(method, target);
    AnsiConsole.WriteLine($"{target}, {method}: {point.PeakBytes / 1e6:N0} MB private, {point.Milliseconds:N0} ms a step");
    report.Streaming.Add(point);
    Keep();
}

foreach (var @case in Wanted("streaming-times") ? quick ? [StepCase.Mlp(4)] : new[] { StepCase.Mlp(4), StepCase.ResNet18(3) } : [])
{
    var ratio = StepTimes.StreamedAgainstMapped(@case, pairs);
    AnsiConsole.WriteLine(Line(ratio));
    report.StreamingTimes.Add(ratio);
}

Keep();
foreach (var (name, target, loss) in Wanted("streamed-bits") && !quick ? StreamedBits.Cases() : [])
{
    var bits = StreamedBits.Compare(name, target, loss);
    AnsiConsole.WriteLine($"{name}, {bits.Loss}: {bits.Different} of {bits.Compared} numbers differ after {bits.Steps} steps");
    report.StreamedBits.Add(bits);
}

Keep();
foreach (var target in Wanted("heap") && !quick && OperatingSystem.IsLinux() ? HeapTimes.Targets : [])
{
    var ratio = HeapTimes.Measure(target, 5);
    AnsiConsole.WriteLine(Line(ratio));
    report.Heap.Add(ratio);
}

Keep();
foreach (var target in Wanted("cure") && !quick ? CureTimes.Targets : [])
{
    var ratio = CureTimes.Measure(target, 31);
    AnsiConsole.WriteLine(Line(ratio));
    report.Cure.Add(ratio);
}

Keep();
foreach (var @case in Wanted("steps") ? StepCase.All(quick) : [])
{
    Add(StepTimes.MappedAgainstDirect(@case, 128, pairs, goal: @case.Goal));
    Add(StepTimes.MappedAgainstDirect(@case, 8, pairs));
    Add(StepTimes.MappedAgainstDirect(@case, 128, pairs, LossOptions.Complete, 2.2));
}

if (!quick && Wanted("steps"))
{
    // The case with the most weights and the least arithmetic for each, where generation weighs most.
    foreach (var latents in new[] { 256, 512, 1024, 4096, 8192, 16_384 })
        Add(StepTimes.AgainstLatents(StepCase.Mlp(4), 8, latents, pairs));
    Add(StepTimes.DenseAgainstMatrixFree(StepCase.Cnn2(5), 128, pairs));
    if (DenseCnn1Fits())
        Add(StepTimes.DenseAgainstMatrixFree(StepCase.Cnn1(1), 128, pairs));
}

Keep();
foreach (var @case in Wanted("stability-share") ? StepCase.All(quick) : [])
{
    var ratio = StepTimes.MappedAgainstDirect(@case, 128, pairs, LossOptions.Complete.WithStabilityShare(0.25), 1.35);
    AnsiConsole.WriteLine(Line(ratio));
    report.StabilityShare.Add(ratio);
}

Keep();
foreach (var (@case, kind) in Wanted("own-loop") ? OwnLoopTimes.All(quick) : [])
{
    var ratio = OwnLoopTimes.Measure(@case, kind, quick ? pairs : 31);
    AnsiConsole.WriteLine(Line(ratio));
    report.OwnLoop.Add(ratio);
}

Keep();
foreach (var (name, target, side, count, keeps) in Wanted("image-folder") ? ImageFolderTimes.Cases(quick) : [])
{
    var ratio = ImageFolderTimes.Measure(name, target, side, count, keeps, 5);
    AnsiConsole.WriteLine(Line(ratio));
    report.ImageFolder.Add(ratio);
}

Keep();
foreach (var (weights, latents) in Wanted("generation") ? Sizes(quick) : [])
    foreach (var kind in new[] { "signed-permutation", "hadamard" })
    {
        if (weights > 100_000_000 && kind == "hadamard")
            continue;
        var point = Generation.Measure(kind, weights, latents, pairs);
        AnsiConsole.WriteLine(Line(point.Forward));
        AnsiConsole.WriteLine(Line(point.Transpose));
        report.Generation.Add(point);
    }

foreach (var kind in Wanted("generation") ? ["signed-permutation", "hadamard"] : Array.Empty<string>())
{
    int[] latents = quick ? [256, 2048, 16_384] : [256, 512, 1024, 2048, 4096, 8192, 16_384];
    report.AgainstLatents.AddRange(Generation.AgainstLatents(kind, 10_000_000, latents, 3 * pairs));
    if (!quick)
        report.AgainstLatents.AddRange(Generation.AgainstLatents(kind, 100_000_000, latents, 3 * pairs));
}

Keep();
if (Wanted("small"))
    report = report with { Small = SmallTimes.Measure(pairs) };
if (Wanted("small-step"))
    report = report with { SmallStep = SmallStep.Measure(pairs) };
report = kept?.With(only!, report, networks) ?? report;
report.Write(folder);
if (document is not null)
    MarkedSection.Replace(document, "bench tables", report.Table());
Console.WriteLine();
Console.WriteLine(report.Table());
Console.WriteLine($"Results: {Path.GetFullPath(folder)}");
return 0;

void Add(Ratio ratio)
{
    AnsiConsole.WriteLine(Line(ratio));
    report.Steps.Add(ratio);
}

static string Line(Ratio ratio) =>
    $"{ratio.Name}: {ratio.Median:F2} [{ratio.Minimum:F2}, {ratio.Maximum:F2}]{(ratio.Goal is null ? "" : $", goal {ratio.Goal}: {(ratio.Reached == true ? "reached" : "not reached")}")}";

static IEnumerable<(long Weights, int Latents)> Sizes(bool quick)
{
    foreach (var weights in quick ? [100_000L, 1_000_000, 10_000_000] : new[] { 100_000L, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000 })
        yield return (weights, 2048);
}

static IEnumerable<(string Method, string Target)> Memory(bool quick) => quick
    ? [("direct", "mlp-25m"), ("mapped", "mlp-25m")]
    :
    [
        ("direct", "mlp-25m"), ("mapped", "mlp-25m"), ("mapped", "cnn2"), ("dense-mapped", "cnn2"), ("mapped", "cnn1"),
        .. DenseCnn1Fits() ? [("dense-mapped", "cnn1")] : Array.Empty<(string, string)>(),
    ];

// The matrix has 537,994 x 2,072 numbers, 4.5 GB, and making it needs room for several of its size at once.
static bool DenseCnn1Fits() => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >= 18L << 30;
