using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// A decoder as GPT-2 is built, smaller but with its vocabulary, on text: trained from scratch, itself and through a latent for each layer, and then
/// fine-tuned from one text to another. Judged by the perplexity of passages that it has not seen, the exponential of the mean loss of a token.
/// </summary>
internal sealed class TextExperiment : TableExperiment
{
    private const string Perplexity = "perplexity";
    private const string Quotations = "/usr/share/games/fortunes";
    private const string Licences = "/usr/share/common-licenses";
    private const int BatchSize = 8;
    private const int UsualEpochs = 4;

    private static readonly TextSize Whole = new(Length: 64, Features: 64, Depth: 4, Training: 3_072, Test: 384, Share: 1);
    private static readonly TextSize Quick = new(Length: 16, Features: 8, Depth: 1, Training: 32, Test: 8, Share: 32);

    // One of each family: others repeat most of their sentences.
    private static readonly string[] LicenceFiles = ["Apache-2.0", "Artistic", "BSD", "CC0-1.0", "GFDL-1.3", "GPL-3", "MPL-2.0"];

    private readonly Lazy<TargetNetwork> whole = new(() => Decoder(Whole));

    // What rows need of the command; set where the data is loaded.
    private TextData? texts;
    private Func<IReadOnlyList<ReferenceRow>>? untrained;
    private IReadOnlyList<ReferenceRow>? references;

    public override string Name => "text";

    public override string Summary =>
        "A GPT-2-like decoder (6,637,056 weights) on quotations, trained from scratch, and fine-tuned from them to licences: perplexity. The texts are Debian's "
        + "(package fortunes; /usr/share/common-licenses).";

    public override string Usage => "--dataset FOLDER names other texts, in FOLDER/from and FOLDER/to.";

    protected override IReadOnlyList<ExperimentRow> Rows => RowsOf(whole.Value, null, Whole.Share);

    protected override IReadOnlyList<ExperimentRow> RowsFor(ExperimentData data, ExperimentOptions options)
    {
        var target = options.Quick ? Decoder(Quick) : whole.Value;
        var pretraining = Training(options) with { Seed = 1 };
        // What decides the weights, so that another command in the same folder does not take these for its own.
        var file = FormattableString.Invariant($"pretrained-decoder-{target.ParameterCount}-{data.Training.Count}x{pretraining.Epochs}");
        texts = texts! with
        {
            File = TrainedOnce.FileOf(options, file, pretraining.Seed, data.Training),
            Pretrained = new(() => TrainedOnce.Weights(options, file, "decoder, pretraining", target, pretraining, data.Training, data.HeldOut, Stop)),
        };
        references = null;
        var rows = RowsOf(target, texts, options.Quick ? Quick.Share : Whole.Share);
        untrained = () => Untrained(target, data, rows.Any(row => options.Wants(row.Name) && row.Data is not null));
        return rows;
    }

    protected override IReadOnlyList<ReferenceRow>? References => references ??= untrained?.Invoke();

    protected override TrainingOptions Training(ExperimentOptions options) => new()
    {
        Epochs = options.Epochs ?? (options.Quick ? 1 : UsualEpochs),
        BatchSize = BatchSize,
    };

    protected override ExperimentData Load(ExperimentOptions options)
    {
        var size = options.Quick ? Quick : Whole;
        var own = DataSource.Folder(options, "text");
        foreach (var (folder, package) in own is null ? new[] { (Quotations, "fortunes"), (Licences, "base-files") } : [])
            if (!Directory.Exists(folder))
                throw new DirectoryNotFoundException(
                    $"'{folder}' does not exist; it comes with Debian's package {package}. --dataset FOLDER takes other texts, in FOLDER/from and FOLDER/to.");
        var source = own is null
            ? new("debian-texts", "", "Data: quotations of Debian's package fortunes, and seven licences of /usr/share/common-licenses.") { IsOnDisk = true }
            : DataSource.Real(own.Value.Name);
        Console.WriteLine(source.Statement);
        var (from, to) = own is null
            ? (TextPassages.Of(Quotations), TextPassages.Of(Licences, LicenceFiles))
            : (TextPassages.Of(Path.Combine(own.Value.Folder, "from")), TextPassages.Of(Path.Combine(own.Value.Folder, "to")));
        texts = new(() => TokenWindows.Split(to, size.Length, size.Training, size.Test));
        return TokenWindows.Split(from, size.Length, size.Training, size.Test) with { Source = source };
    }

    // The perplexity is what the text tells of; accuracies of two texts beside each other say less.
    protected override IReadOnlyList<string> Draw(ReportFile report, ExperimentOptions options) =>
        [.. base.Draw(report, options).OrderBy(picture => picture.Contains(Perplexity, StringComparison.Ordinal) ? 0 : 1)];

    protected override string? Remarks(ReportFile report) =>
        "Perplexity: the exponential of the mean loss of a token, on passages that are in no other part; accuracies are those of the next token. Rows of \"to\" start from the "
        + "same decoder, trained on the text of \"from\" once, with seed 1, as long as the direct row is.";

    private static TargetNetwork Decoder(TextSize size) =>
        Targets.Decoder(TokenWindows.Vocabulary, size.Length, size.Features, size.Depth, heads: Math.Min(4, (int)size.Features / 4));

    private static IReadOnlyList<ExperimentRow> RowsOf(TargetNetwork target, TextData? texts, int share)
    {
        string[] blocks = ["h", "ln_f"];
        string[] matrices = ["h.*.attn.*", "h.*.mlp.*"];
        return
        [
            Judged(TaskRows.Direct("from", () => target) with { Label = "from scratch, direct" }),
            Judged(TaskRows.Lwt("from", () => target, 20_000) with { Label = "from scratch, LWT 20,000" }),
            // Nearly all weights are the vocabulary's two matrices, and 20,000 parameters reach more of them where these are of rank 4.
            Judged(new("from-lwt-20000-rank-4", "from scratch, LWT 20,000, vocabulary of rank 4", seed =>
                MappingNetwork.For(target).LowRank("wte", 4).LowRank("lm_head", 4).LayerWise(20_000).WithSeed(seed).Build())),
            Tuned("full", "all weights", tuning => tuning.WholeWeights(), 5e-4),
            Tuned("lora-2", "LoRA 2", tuning => tuning.LowRank(2, layers: matrices), 3e-3),
            Tuned("scales-blocks-2048", "Scales of the blocks", tuning => tuning.Scales(2_048 / share, layers: blocks)),
            Tuned("scales-8192", "Scales", tuning => tuning.Scales(8_192 / share)),
            Tuned("scales-4096-lora-1", "Scales and low rank", tuning => tuning.Scales(4_096 / share).LowRank(1, layers: matrices)),
        ];

        ExperimentRow Tuned(string name, string label, Func<FineTuning, FineTuning> way, double? rate = null) => Judged(new(
            $"to-{name}", $"fine-tuned, {label}", seed => way(FineTuning.Of(target, texts!.Pretrained!.Value)).WithSeed(seed).Build())
        {
            Data = _ => texts!.Other(),
            Base = () => texts!.File!,
            Change = options => options with { LearningRate = rate, Epochs = 2 * options.Epochs },
        });
    }

    // What a perplexity has to be held against: how often each token comes, and for the second text the decoder as it was before.
    private IReadOnlyList<ReferenceRow> Untrained(TargetNetwork target, ExperimentData from, bool isTuned)
    {
        static ReferenceRow Row(string label, double loss) => new(label, 0, new Dictionary<string, double> { [Perplexity] = Math.Exp(loss) });
        var first = Row("from scratch, frequencies of tokens alone", TokenWindows.FrequencyLoss(from));
        if (!isTuned)
            return [first];
        using var other = texts!.Other();
        using var model = FineTuning.Of(target, texts.Pretrained!.Value).WholeWeights().Build();
        return
        [
            first,
            Row("second text, frequencies of tokens alone", TokenWindows.FrequencyLoss(other)),
            Row("before fine-tuning", Evaluation.Of(model, other.Test, cancellation: Stop).Loss),
        ];
    }

    private static ExperimentRow Judged(ExperimentRow row) => row with
    {
        Finish = (_, run) => run with { Figures = new Dictionary<string, double> { [Perplexity] = Math.Exp(run.TestLoss!.Value) } },
    };

    /// <summary>How large network and texts are.</summary>
    /// <param name="Length">Tokens a window.</param>
    /// <param name="Features">The decoder's numbers a token.</param>
    /// <param name="Depth">Its blocks.</param>
    /// <param name="Training">The most windows to train on.</param>
    /// <param name="Test">The most windows to test on.</param>
    /// <param name="Share">What the numbers of trained parameters are divided by.</param>
    private sealed record TextSize(int Length, long Features, int Depth, int Training, int Test, int Share);

    /// <summary>The text to fine-tune to, and what it starts from.</summary>
    /// <param name="Other">Makes its parts.</param>
    private sealed record TextData(Func<ExperimentData> Other)
    {
        /// <summary>The decoder trained on the first text.</summary>
        public Lazy<PretrainedWeights>? Pretrained { get; init; }

        /// <summary>The file that it is kept in.</summary>
        public string? File { get; init; }
    }
}
