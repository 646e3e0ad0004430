using Microsoft.ML.Tokenizers;
using TorchSharp;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// Passages as tokens of GPT-2's vocabulary, with its end of text behind each, cut into windows: a sample's input is a window's tokens, and its labels
/// are the tokens one place further. No two parts share a passage.
/// </summary>
internal static class TokenWindows
{
    /// <summary>How many tokens the vocabulary has.</summary>
    public const int Vocabulary = 50_257;

    private const int EndOfText = Vocabulary - 1;

    private static readonly Lazy<TiktokenTokenizer> Tokenizer = new(() => TiktokenTokenizer.CreateForModel("gpt2"));

    // The same for all data sets: there are fifty thousand of them.
    private static readonly string[] Names = [.. Enumerable.Range(0, Vocabulary).Select(token => token.ToString(System.Globalization.CultureInfo.InvariantCulture))];

    /// <summary>Cuts passages into a test part, a held-out part half as large, and the rest to train on.</summary>
    /// <param name="passages">The passages.</param>
    /// <param name="length">Tokens a window.</param>
    /// <param name="training">The most windows to train on.</param>
    /// <param name="test">The most windows to test on; at most a fifth of all.</param>
    /// <exception cref="InvalidDataException">There is not enough text for a window of each part.</exception>
    public static ExperimentData Split(TextPassages passages, int length, int training, int test)
    {
        int[][] tokens = [.. passages.Texts.Select(passage => (int[])[.. Tokenizer.Value.EncodeToIds(passage), EndOfText])];
        var all = tokens.Sum(each => each.Length);
        var (judged, heldOut) = (Math.Min(test * (length + 1), all / 5), Math.Min(test * (length + 1) / 2, all / 10));
        var left = new Queue<int[]>(tokens);
        var (testPart, heldOutPart) = (Windows(Taken(left, judged), length, test), Windows(Taken(left, heldOut), length, test));
        return new(Windows([.. left.SelectMany(each => each)], length, training), heldOutPart, testPart);
    }

    /// <summary>The mean loss of a token of the test part where each has the chance with which it comes in the training part, once more than it did.</summary>
    /// <param name="data">The parts.</param>
    public static double FrequencyLoss(ExperimentData data)
    {
        var counts = new double[Vocabulary];
        var trained = data.Training.Labels.data<long>().ToArray();
        foreach (var token in trained)
            counts[token]++;
        return data.Test.Labels.data<long>().ToArray().Average(token => Math.Log((trained.Length + Vocabulary) / (counts[token] + 1)));
    }

    private static int[] Taken(Queue<int[]> left, int count)
    {
        var taken = new List<int>();
        while (taken.Count < count && left.TryDequeue(out var passage))
            taken.AddRange(passage);
        return [.. taken];
    }

    private static Dataset Windows(int[] tokens, int length, int most)
    {
        var count = Math.Min(most, (tokens.Length - 1) / length);
        if (count < 1)
            throw new InvalidDataException(FormattableString.Invariant($"The text is too short: a part has {tokens.Length} tokens, and a window takes {length + 1}."));
        long[] wide = [.. tokens.Select(token => (long)token)];
        using var scope = torch.NewDisposeScope();
        return Dataset.FromTensors(
            torch.tensor(wide[..(count * length)]).view(count, length),
            torch.tensor(wide[1..((count * length) + 1)]).view(count, length), Names);
    }
}
