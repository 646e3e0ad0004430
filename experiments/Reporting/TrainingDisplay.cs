using System.Globalization;
using Spectre.Console;

namespace MappingNets.Experiments.Reporting;

/// <summary>Live progress of training runs: bars in a terminal, a line an epoch where the output goes to a file.</summary>
public static class TrainingDisplay
{
    /// <summary>Runs one training under a progress display.</summary>
    /// <param name="label">What the bar is called.</param>
    /// <param name="train">The training, told where to report progress.</param>
    /// <param name="whole">
    /// From the share of this training that is done to a line on the whole experiment, such as "run 3 of 12, 14 min left"; nothing where null.
    /// </param>
    public static TrainingReport Run(
        string label, Func<IProgress<TrainingProgress>, TrainingReport> train, Func<double, string>? whole = null) =>
        AnsiConsole.Profile.Capabilities.Interactive && !Console.IsOutputRedirected
            ? RunWithBar(label, train, whole)
            : train(new LineProgress(label, whole));

    private static TrainingReport RunWithBar(
        string label, Func<IProgress<TrainingProgress>, TrainingReport> train, Func<double, string>? whole) =>
        AnsiConsole.Progress()
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn(),
                new PercentageColumn(),
                new RemainingTimeColumn(),
                new SpinnerColumn())
            .Start(context =>
            {
                var task = context.AddTask(Markup.Escape(label.PadRight(14)), maxValue: 1);
                var all = whole is null ? null : context.AddTask(Markup.Escape(whole(0)), maxValue: 1).IsIndeterminate();
                var held = "";
                var report = train(new DirectProgress(state =>
                {
                    if (state.CompletedEpoch is { } epoch)
                        held = epoch.ValidationAccuracy is { } accuracy ? Invariant($"held out {100 * accuracy:F2}%") : "";
                    task.Value = state.Fraction;
                    task.Description = Markup.Escape(Invariant(
                        $"{label,-14} epoch {state.Epoch,2}/{state.Epochs} loss {state.CompletedEpoch?.TrainingLoss ?? state.Loss:F3} {held,-16}"));
                    if (all is not null)
                        all.Description = Markup.Escape(whole!(state.Fraction));
                }));
                task.Value = 1;
                if (all is not null)
                    all.Value = 1;
                return report;
            });

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Calls back on the reporting thread, in order, unlike System.Progress.</summary>
    private sealed class DirectProgress(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }

    private sealed class LineProgress(string label, Func<double, string>? whole) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            // Of many epochs some are enough.
            if (value.CompletedEpoch is not { } epoch || (value.Epoch % ((value.Epochs / 50) + 1) != 0 && value.Epoch < value.Epochs && value.Epoch > 1))
                return;
            var held = epoch.ValidationAccuracy is { } accuracy ? Invariant($", held out {100 * accuracy:F2}%") : "";
            if (epoch.ValidationAccuracy is null && epoch.ValidationLoss is { } loss)
                held = Invariant($", held-out loss {loss:G4}");
            var right = epoch.TrainingAccuracy is { } share ? Invariant($", training {100 * share:F2}%") : "";
            Console.WriteLine(Invariant(
                $"{label}: epoch {value.Epoch}/{value.Epochs}, loss {epoch.TrainingLoss:F4}{right}{held}, {epoch.Seconds:F1} s{(whole is null ? "" : $" ({whole(value.Fraction)})")}"));
        }
    }
}
