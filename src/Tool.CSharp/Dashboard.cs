using System.Diagnostics;
using Spectre.Console;
using Spectre.Console.Rendering;
using TorchSharp;

namespace MappingNets.Tool;

/// <summary>Draws a run in the terminal while it goes on: loss curve, held-out accuracy, the trained parameters' norm, and the time left.</summary>
internal sealed class Dashboard : IProgress<TrainingProgress>
{
    private const int Width = 60;
    private const int Height = 10;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly Model model;
    private readonly List<double> losses = [];
    private readonly List<EpochResult> epochs = [];
    private readonly long started = Stopwatch.GetTimestamp();
    private long drawn;
    private double sum;
    private int steps;

    public Dashboard(Model model) => this.model = model;

    /// <summary>What is called when there is something new to draw.</summary>
    public Action<IRenderable>? Draw { get; init; }

    /// <summary>Runs a training with the dashboard above the prompt.</summary>
    public static TrainingReport Show(Model model, Func<IProgress<TrainingProgress>, TrainingReport> run) =>
        AnsiConsole.Live(new Text("Starting")).Start(live => run(new Dashboard(model) { Draw = live.UpdateTarget }));

    public void Report(TrainingProgress value)
    {
        if (value.CompletedEpoch is { } epoch)
            epochs.Add(epoch);
        // So many points as the chart is wide, each the mean of its steps.
        (sum, steps) = (sum + value.Loss, steps + 1);
        var total = (long)value.Epochs * value.StepsPerEpoch;
        var done = ((long)(value.Epoch - 1) * value.StepsPerEpoch) + value.Step;
        if (done * Width / total > losses.Count || losses.Count == 0)
        {
            losses.Add(sum / steps);
            (sum, steps) = (0, 0);
        }

        if (value.CompletedEpoch is null && Stopwatch.GetElapsedTime(drawn) < Pause)
            return;
        drawn = Stopwatch.GetTimestamp();
        Draw?.Invoke(Picture(value));
    }

    /// <summary>The dashboard of a moment.</summary>
    public IRenderable Picture(TrainingProgress now)
    {
        var elapsed = Stopwatch.GetElapsedTime(started);
        var left = now.Fraction > 0 ? elapsed * ((1 - now.Fraction) / now.Fraction) : TimeSpan.Zero;
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var norm = Math.Sqrt(model.Trainables.Sum(tensor => Math.Pow(tensor.norm().item<float>(), 2)));
        var facts = new Table { Border = TableBorder.None, ShowHeaders = false };
        facts.AddColumns("", "");
        facts.AddRow("epoch", $"{now.Epoch} of {now.Epochs}, step {now.Step} of {now.StepsPerEpoch}");
        facts.AddRow("loss", $"{now.CompletedEpoch?.TrainingLoss ?? now.Loss:F4}");
        facts.AddRow("held out", epochs is [.., { ValidationAccuracy: { } accuracy }] ? $"{accuracy:P2} (best {epochs.Max(epoch => epoch.ValidationAccuracy):P2})" : "after the epoch");
        facts.AddRow("norm of the trained parameters", $"{norm:F3}");
        facts.AddRow("time", $"{Minutes(elapsed)}, about {Minutes(left)} left");
        return new Rows(new Text($"{model.Target.Name}: {model.TrainableCount:N0} parameters for {model.Target.ParameterCount:N0} weights"), Chart(), facts);
    }

    /// <summary>A time as minutes and seconds, also where it is hours.</summary>
    internal static string Minutes(TimeSpan time) => $"{(long)time.TotalMinutes:00}:{time.Seconds:00}";

    // Eight heights a line, as block characters have them.
    private Text Chart()
    {
        var (least, most) = (losses.Min(), losses.Max());
        var lines = new char[Height][];
        for (var line = 0; line < Height; line++)
            lines[line] = [.. Enumerable.Repeat(' ', Width)];
        for (var column = 0; column < Math.Min(losses.Count, Width); column++)
        {
            var height = most > least ? 1 + (int)(((8 * Height) - 1) * (losses[column] - least) / (most - least)) : 1;
            for (var line = 0; line < Height; line++)
                lines[Height - 1 - line][column] = height >= 8 * (line + 1) ? '\u2588' : height <= 8 * line ? ' ' : (char)('\u2580' + (height - (8 * line)));
        }

        return new Text(string.Join('\n', lines.Select((line, index) =>
            new string(line) + (index == 0 ? $" {most:F3}" : index == Height - 1 ? $" {least:F3}" : ""))));
    }
}
