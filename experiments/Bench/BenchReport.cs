using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Bench;

/// <summary>artifacts/bench/report.json: everything that was measured, each ratio in one process, pair by pair.</summary>
/// <param name="Machine">Processor count, memory and system: what the ratios were measured on.</param>
/// <param name="Quick">Whether the slow cases were left out.</param>
/// <param name="Steps">Step times: a, b and c of docs/performance.md.</param>
/// <param name="Generation">Generation against a plain copy: d.</param>
/// <param name="Memory">Resident memory: e.</param>
/// <param name="AgainstLatents">Generation at each d against d = 2,048.</param>
/// <param name="Small">Start, checkpoint and swap: f.</param>
public sealed record BenchReport(
    string Machine, bool Quick, List<Ratio> Steps, List<GenerationPoint> Generation, List<LatentsPoint> AgainstLatents,
    List<MemoryPoint> Memory, SmallTimes? Small)
{
    /// <summary>With what it was measured; null in reports of earlier builds, which did not say.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ReportOrigin? Origin { get; init; }

    /// <summary>With what those parts were measured that took the place of others, by their names.</summary>
    public IReadOnlyDictionary<string, ReportOrigin> Origins { get; init; } = new Dictionary<string, ReportOrigin>();

    /// <summary>What the C library's heap does to a step; empty elsewhere than on Linux.</summary>
    public List<Ratio> Heap { get; init; } = [];

    /// <summary>A user's own training loop against the trainer.</summary>
    public List<Ratio> OwnLoop { get; init; } = [];

    /// <summary>All four terms, the stability term on a quarter of the batch, against direct training.</summary>
    public List<Ratio> StabilityShare { get; init; } = [];

    /// <summary>Private memory and step time of streamed training beside other ways.</summary>
    public List<StreamingPoint> Streaming { get; init; } = [];

    /// <summary>Step time of streamed against mapped training.</summary>
    public List<Ratio> StreamingTimes { get; init; } = [];

    /// <summary>Streamed training's bits against those of training that holds all weights.</summary>
    public List<StreamedBits> StreamedBits { get; init; } = [];

    /// <summary>Where the time of a small step goes; null where it was not measured.</summary>
    public SmallStep? SmallStep { get; init; }

    /// <summary>The speed of training on a folder of pictures against the same pictures in memory.</summary>
    public List<Ratio> ImageFolder { get; init; } = [];

    /// <summary>The cost of running TorchSharp's native calls unoptimised (docs/decisions/0009).</summary>
    public List<Ratio> Cure { get; init; } = [];

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>An empty report of this machine.</summary>
    public static BenchReport Start(bool quick) => new(
        $"{ReportMachine.Description}, {RuntimeInformation.ProcessArchitecture}",
        quick, [], [], [], [], null)
    { Origin = ReportOrigin.Here() };

    /// <summary>The folder's report, a part of which is to be measured anew; an empty one where there is none.</summary>
    /// <param name="folder">Where a report may be.</param>
    /// <param name="quick">Whether the slow cases are left out.</param>
    /// <exception cref="InvalidDataException">It was measured on another machine, or is of the other kind, so that no part of it goes with this one's.</exception>
    public static BenchReport Open(string folder, bool quick)
    {
        var empty = Start(quick);
        var path = Path.Combine(folder, "report.json");
        if (!File.Exists(path))
            return empty;
        var report = Read(path);
        var difference = report.Machine != empty.Machine ? $"was measured on {report.Machine}; this machine is {empty.Machine}"
            : report.Quick != quick ? $"is {(report.Quick ? "quick" : "whole")}; this command is {(quick ? "quick" : "not")}"
            : null;
        return difference is null
            ? report
            : throw new InvalidDataException($"'{path}' {difference}. --only keeps the other parts of such a report; name another folder with --out, or measure all parts anew without --only.");
    }

    private static BenchReport Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<BenchReport>(File.ReadAllText(path), Json) is { Machine: not null } report
                ? report
                : throw new InvalidDataException($"'{path}' holds no report of the bench.");
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"'{path}' holds no report of the bench: {fault.Message}", fault);
        }
    }

    /// <summary>This report with one part as another one has it.</summary>
    /// <param name="part">The part.</param>
    /// <param name="measured">What has it.</param>
    /// <param name="networks">The networks of the part "streaming" that were measured; null for all.</param>
    public BenchReport With(string part, BenchReport measured, IReadOnlyList<string>? networks = null) =>
        WithNumbers(part, measured, networks) with
        {
            Origins = measured.Origin is { } origin ? new Dictionary<string, ReportOrigin>(Origins) { [Named(part, networks)] = origin } : Origins,
        };

    private static string Named(string part, IReadOnlyList<string>? networks) => networks is null ? part : $"{part}, {string.Join(", ", networks)}";

    private BenchReport WithNumbers(string part, BenchReport measured, IReadOnlyList<string>? networks) => part switch
    {
        "steps" => this with { Steps = measured.Steps },
        "generation" => this with { Generation = measured.Generation, AgainstLatents = measured.AgainstLatents },
        "memory" => this with { Memory = measured.Memory },
        "heap" => this with { Heap = measured.Heap },
        "own-loop" => this with { OwnLoop = measured.OwnLoop },
        "stability-share" => this with { StabilityShare = measured.StabilityShare },
        "streamed-bits" => this with { StreamedBits = measured.StreamedBits },
        "streaming" => this with { Streaming = [.. Streaming.Where(point => networks?.Contains(point.Target) == false), .. measured.Streaming] },
        "streaming-times" => this with { StreamingTimes = measured.StreamingTimes },
        "image-folder" => this with { ImageFolder = measured.ImageFolder },
        "cure" => this with { Cure = measured.Cure },
        "small-step" => this with { SmallStep = measured.SmallStep },
        "small" => this with { Small = measured.Small },
        _ => throw new ArgumentException($"'{part}' is no part of the bench.", nameof(part)),
    };

    /// <summary>Writes report.json, table.md and the plots.</summary>
    public void Write(string folder)
    {
        AtomicFile.WriteAllText(Path.Combine(folder, "report.json"), LinedJson.Of(JsonSerializer.SerializeToNode(this, Json)!.AsObject()));
        AtomicFile.WriteAllText(Path.Combine(folder, "table.md"), Table());
        BenchPlots.Write(this, folder);
    }

    /// <summary>The tables as Markdown.</summary>
    public string Table()
    {
        var text = new StringBuilder();
        Line(text, $"Measured on: {Machine}{(Origin is null ? "" : $"; {Version(Origin)}")}. Ratios are pair by pair; median [minimum, maximum].");
        Line(text, $"");
        foreach (var (part, origin) in Origins.Where(pair => pair.Value != Origin).OrderBy(pair => pair.Key, StringComparer.Ordinal))
            Line(text, $"The part {part}: {Version(origin)}.  ");
        if (Origins.Values.Any(origin => origin != Origin))
            Line(text, $"");
        if (Steps.Count + StabilityShare.Count + Heap.Count + OwnLoop.Count > 0)
        {
            Line(text, $"| step time | A, ms | B, ms | A / B | goal | reached |");
            Line(text, $"|---|---|---|---|---|---|");
            foreach (var ratio in Steps.Concat(StabilityShare).Concat(Heap).Concat(OwnLoop))
                Line(text, $"| {ratio.Name} | {ratio.A:F2} | {ratio.B:F2} | {Range(ratio)} | {ratio.Goal ?? "-"} | {Reached(ratio)} |");
            Line(text, $"");
        }

        if (Cure.Count > 0)
        {
            Line(text, $"| step time, processes in turn | A, ms | B, ms | A / B, 95% interval of the median | pairs | goal | reached |");
            Line(text, $"|---|---|---|---|---|---|---|");
            foreach (var ratio in Cure)
                Line(text, $"| {ratio.Name} | {ratio.A:F2} | {ratio.B:F2} | {ratio.Median:F3} [{ratio.Low:F3}, {ratio.High:F3}] | {ratio.Pairs} | {ratio.Goal ?? "-"} | {Reached(ratio)} |");
            Line(text, $"");
        }

        if (ImageFolder.Count > 0)
        {
            Line(text, $"| an epoch | A, pictures/s | B, pictures/s | A / B | goal | reached |");
            Line(text, $"|---|---|---|---|---|---|");
            foreach (var ratio in ImageFolder)
                Line(text, $"| {ratio.Name} | {ratio.A:N0} | {ratio.B:N0} | {Range(ratio)} | {ratio.Goal ?? "-"} | {Reached(ratio)} |");
            Line(text, $"");
        }

        if (Generation.Count > 0)
        {
            Line(text, $"| fixed weights | P | d | generate / copy, rate (higher is faster) | transpose / copy, rate (higher is faster) | copy, GB/s |");
            Line(text, $"|---|---|---|---|---|---|");
            foreach (var point in Generation)
                Line(text, $"| {point.Kind} | {point.Weights:N0} | {point.Latents:N0} | {Range(point.Forward)} | {Range(point.Transpose)} | {point.CopyGigabytesPerSecond:F1} |");
            Line(text, $"");
        }

        if (AgainstLatents.Count > 0)
        {
            Line(text, $"| time over that at d = 2,048 | P | d | generate | transpose |");
            Line(text, $"|---|---|---|---|---|");
            foreach (var point in AgainstLatents)
                Line(text, $"| {point.Kind} | {point.Weights:N0} | {point.Latents:N0} | {Range(point.Forward)} | {Range(point.Transpose)} |");
            Line(text, $"");
        }

        if (Memory.Count > 0)
        {
            Line(text, $"| resident memory | P | MB beyond the start | bytes a weight | mapping alone, MB |");
            Line(text, $"|---|---|---|---|---|");
            foreach (var point in Memory)
                Line(text, $"| {point.Target}, {point.Method} | {point.Weights:N0} | {point.Bytes / 1e6:F1} | {point.BytesPerWeight:F1} | {point.FixedWeightBytes / 1e6:F1} |");
        }

        if (Streaming.Count > 0)
        {
            Line(text, $"");
            Line(text, $"| training, one process each | P | batch | private MB at the peak, beyond the start | bytes a weight | weights and gradients on paper, MB | the rest, MB |");
            Line(text, $"|---|---|---|---|---|---|---|");
            foreach (var point in Streaming)
                Line(text, $"| {point.Target}, {point.Method} | {point.Weights:N0} | {point.Batch} | {point.PeakBytes / 1e6:N1} | {(double)point.PeakBytes / point.Weights:F2} | {point.WeightBytes / 1e6:N1} | {(point.PeakBytes - point.WeightBytes) / 1e6:N1} |");
        }

        if (StreamingTimes.Count > 0)
        {
            Line(text, $"");
            Line(text, $"| step time, in turn in one process | A, ms | B, ms | A / B | goal | reached |");
            Line(text, $"|---|---|---|---|---|---|");
            foreach (var ratio in StreamingTimes)
                Line(text, $"| {ratio.Name} | {ratio.A:F2} | {ratio.B:F2} | {Range(ratio)} | {ratio.Goal ?? "-"} | {Reached(ratio)} |");
        }

        if (StreamedBits.Count > 0)
        {
            Line(text, $"");
            Line(text, $"| streamed against all weights held, Adam, batch 8 | P | loss | steps | numbers compared | differ |");
            Line(text, $"|---|---|---|---|---|---|");
            foreach (var bits in StreamedBits)
                Line(text, $"| {bits.Target} | {bits.Weights:N0} | {bits.Loss} | {bits.Steps} | {bits.Compared:N0} | {bits.Different:N0} |");
        }

        if (SmallStep is { } step)
        {
            Line(text, $"");
            Line(text, $"| a step of CNN2, d = 2,048, batch 8, medians | microseconds of processor time |");
            Line(text, $"|---|---|");
            Line(text, $"| the whole step of the trainer | {step.Step:F0} |");
            Line(text, $"| the network's own: forth, the loss, back to the weights | {step.Network:F0} |");
            Line(text, $"| generating the weights | {step.Generate:F0} |");
            Line(text, $"| the weights' gradient to the latent's | {step.Transpose:F0} |");
            Line(text, $"| taking the batch | {step.Batch:F0} |");
            Line(text, $"| the graph around the mapping | {step.Graph:F0} |");
            Line(text, $"| the trainer: Adam, checks, sums | {step.Trainer:F0} |");
            Line(text, $"| for comparison: a node of the graph with eight empty outputs, forth and back | {step.EightOutputs:F0} |");
            Line(text, $"| the same with one output | {step.OneOutput:F0} |");
        }

        if (Small is { } small)
        {
            Line(text, $"");
            Line(text, $"| CNN2, d = 2,048, medians | ms |");
            Line(text, $"|---|---|");
            Line(text, $"| build the model | {small.BuildMilliseconds:F2} |");
            Line(text, $"| a trainer's first step, batch 128 | {small.FirstStepMilliseconds:F2} |");
            Line(text, $"| write the adapter | {small.SaveMilliseconds:F2} |");
            Line(text, $"| read the adapter and build its model | {small.LoadMilliseconds:F2} |");
            Line(text, $"| swap the latent of a live model and generate | {small.SwapMilliseconds:F2} |");
            Line(text, $"| hot-swap to another adapter of 2,048 latents in a host | {small.HostSwapMilliseconds:F2} |");
        }

        return text.ToString();
    }

    private static string Range(Ratio ratio) =>
        string.Create(CultureInfo.InvariantCulture, $"{ratio.Median:F2} [{ratio.Minimum:F2}, {ratio.Maximum:F2}]");

    private static string Range(IReadOnlyList<double> sorted) =>
        string.Create(CultureInfo.InvariantCulture, $"{Ratio.MedianOf(sorted):F2} [{sorted[0]:F2}, {sorted[^1]:F2}]");

    private static string Version(ReportOrigin origin) => $"version {origin.Library}, commit {origin.Commit ?? "unknown"}";

    private static string Reached(Ratio ratio) => ratio.Reached switch { true => "yes", false => "no", _ => "-" };

    private static void Line(StringBuilder text, FormattableString line) =>
        text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
