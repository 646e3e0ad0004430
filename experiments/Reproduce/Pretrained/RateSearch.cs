using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace MappingNets.Experiments.Reproduce;

/// <summary>One training of a search.</summary>
/// <param name="Method">The method.</param>
/// <param name="LearningRate">Adam's rate.</param>
/// <param name="HeldOutAccuracy">The share of held-out pictures met, from 0 to 1.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Subject">The row, the pictures and the network that it is a trial of (<see cref="RateSubject"/>); null in older files.</param>
internal sealed record RateTrial(string Method, double LearningRate, double HeldOutAccuracy, double Seconds, string? Subject = null);

/// <summary>
/// Chooses each method's learning rate on held-out pictures, with the training pictures of seed 1: three rates a factor of 3 apart around a
/// usual one, and further ones while the best lies at an end, nine at most. Trials are kept in rates.json and never made twice; those of another row,
/// other pictures or another network stay there, and are not taken.
/// </summary>
internal sealed class RateSearch
{
    private const int MostTrials = 9;
    private const double Step = 3;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly string path;
    private readonly string settings;
    private readonly IReadOnlyDictionary<string, RateSubject> subjects;
    private readonly List<RateTrial> trials;

    /// <summary>Takes over the trials of an earlier command.</summary>
    /// <param name="path">The file.</param>
    /// <param name="settings">What decides the trials besides method, rate and subject.</param>
    /// <param name="subjects">What each method is tried on, by its name.</param>
    public RateSearch(string path, string settings, IReadOnlyDictionary<string, RateSubject> subjects)
    {
        (this.path, this.settings, this.subjects) = (path, settings, subjects);
        var earlier = File.Exists(path) ? Read(path) : null;
        if (earlier is not null && earlier.Settings != settings)
            throw new InvalidDataException($"'{path}' holds rates that were chosen with other settings ({earlier.Settings}; here {settings}). Name another folder with --out.");
        trials = [.. earlier?.All ?? []];
        if (trials.Count(trial => !IsOwn(trial)) is > 0 and var others)
            AnsiConsole.WriteLine($"{path}: {others} of {trials.Count} trials are of other rows, other pictures or another network, or do not name theirs; they are not taken.");
    }

    /// <summary>The chosen rate.</summary>
    /// <param name="method">The method.</param>
    /// <param name="train">Trains with a rate and gives the held-out accuracy.</param>
    public double Choose(PretrainedMethod method, Func<double, double> train)
    {
        var accuracies = new SortedDictionary<int, double>();
        foreach (var place in new[] { 0, -1, 1 })
            accuracies[place] = Try(method, place, train);
        while (accuracies.Count < MostTrials)
        {
            var best = Best(accuracies);
            if (best != accuracies.Keys.First() && best != accuracies.Keys.Last())
                break;
            var next = best == accuracies.Keys.First() ? best - 1 : best + 1;
            accuracies[next] = Try(method, next, train);
        }

        return RateAt(method, Best(accuracies));
    }

    /// <summary>All trials of these rows, pictures and network, as a table in Markdown.</summary>
    public string Describe() => string.Join('\n',
    [
        "| method | held-out accuracy, % by learning rate |",
        "|---|---|",
        .. trials.Where(IsOwn).GroupBy(trial => trial.Method).Select(method => $"| {method.Key} | " + string.Join(", ", method.OrderBy(trial => trial.LearningRate)
            .Select(trial => string.Create(CultureInfo.InvariantCulture, $"{trial.LearningRate:G2}: {100 * trial.HeldOutAccuracy:F1}"))) + " |"),
    ]);

    private static int Best(SortedDictionary<int, double> accuracies) => accuracies.MaxBy(pair => pair.Value).Key;

    // Two digits, so that the file and the next command have the same number.
    private static double RateAt(PretrainedMethod method, int place) =>
        double.Parse((method.Rate * Math.Pow(Step, place)).ToString("G2", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private double Try(PretrainedMethod method, int place, Func<double, double> train)
    {
        var rate = RateAt(method, place);
        if (trials.FindLast(trial => trial.Method == method.Name && trial.LearningRate == rate && IsOwn(trial)) is { } done)
            return done.HeldOutAccuracy;
        var started = Stopwatch.GetTimestamp();
        var accuracy = 0.0;
        try
        {
            accuracy = train(rate);
        }
        catch (TrainingDivergedException)
        {
            // Too high a rate is an answer, and one that need not be sought again.
        }

        var trial = new RateTrial(method.Name, rate, accuracy, Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 1), subjects[method.Name].Name);
        trials.Add(trial);
        AtomicFile.WriteAllText(path, JsonSerializer.Serialize(new Trials(settings, trials), Indented));
        AnsiConsole.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{method.Name}, rate {rate:G2}: {100 * accuracy:F1}% of the held-out pictures, {trial.Seconds:F0} s"));
        return accuracy;
    }

    private bool IsOwn(RateTrial trial) =>
        subjects.TryGetValue(trial.Method, out var subject) && (trial.Subject is null ? subject.TakesUnnamed : trial.Subject == subject.Name);

    private static Trials Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Trials>(File.ReadAllText(path)) is { Settings: not null, All: not null } trials
                ? trials
                : throw new InvalidDataException($"'{path}' holds no trials of learning rates.");
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"'{path}' holds no trials of learning rates: {fault.Message}", fault);
        }
    }

    private sealed record Trials(string Settings, IReadOnlyList<RateTrial> All);
}
