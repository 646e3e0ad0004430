using System.Security.Cryptography;
using System.Text;
using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Trains a classifier on the outputs of trained models instead of labels (Hinton, Vinyals, Dean 2015). Soft outputs tell small mistakes
/// from large ones and correct wrong labels, so that small models overfit less. The teachers predict each sample once, before the first
/// step.
/// </summary>
/// <example>
/// <code>
/// using var teacher = DirectModel.For(Targets.Cnn2(), seed: 1);
/// new Trainer(teacher).Fit(train);
/// using var model = MappingNetwork.For(Targets.Cnn2()).LayerWise(2_688).Build();
/// new Trainer(model, new() { Distillation = new([teacher]) }).Fit(train);
/// </code>
/// </example>
public sealed record Distillation
{
    /// <summary>Takes the teachers.</summary>
    /// <param name="teachers">
    /// Trained models with the student's input and output shapes, at least one, on the student's device; the mean of their outputs
    /// teaches. They stay the caller's, to dispose after training.
    /// </param>
    /// <param name="temperature">The divisor of outputs before the softmax, from 0.1 to 100; larger numbers soften more.</param>
    /// <exception cref="ArgumentException">There is no teacher.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The temperature is out of range.</exception>
    public Distillation(IReadOnlyList<Model> teachers, double temperature = 2)
    {
        ArgumentNullException.ThrowIfNull(teachers);
        if (teachers.Count == 0 || teachers.Any(teacher => teacher is null))
            throw new ArgumentException("There must be at least one teacher, and none may be null.", nameof(teachers));
        if (!(temperature >= 0.1 && temperature <= 100))
            throw new ArgumentOutOfRangeException(nameof(temperature), temperature, "The temperature must be from 0.1 to 100.");
        (Teachers, Temperature) = ([.. teachers], temperature);
    }

    /// <summary>The trained models.</summary>
    public IReadOnlyList<Model> Teachers { get; }

    /// <summary>The divisor of outputs before the softmax.</summary>
    public double Temperature { get; }

    /// <summary>T^2 times the cross-entropy of the student's softened outputs against the teachers'.</summary>
    internal Tensor Loss(Tensor taught, Tensor outputs) => MappingLoss.distillation(Temperature, taught, outputs);

    /// <summary>Refuses teachers that do not fit the student's network and data.</summary>
    internal void Check(TargetNetwork student, Dataset data)
    {
        if (!data.IsClassification || data.TargetShape.Count > 0)
            throw new ArgumentException(
                $"{nameof(Distillation)} takes the place of one class label for each sample; this data set has other targets.", nameof(data));
        foreach (var teacher in Teachers)
            teacher.RequireAlive();
        foreach (var teacher in Teachers)
            if (Taken(teacher.Target) != Taken(student) || !teacher.Target.OutputShape.SequenceEqual(student.OutputShape))
                throw new ArgumentException(
                    $"The teacher '{teacher.Target.Name}' takes {Taken(teacher.Target)} and puts out {ShapeText.Of(teacher.Target.OutputShape)}; "
                    + $"'{student.Name}' takes {Taken(student)} and puts out {ShapeText.Of(student.OutputShape)}.",
                    nameof(TrainingOptions.Distillation));

        static string Taken(TargetNetwork network) => string.Join(", ", network.Inputs);
    }

    /// <summary>What tells one run's teachers from another's: their networks' names and the bits of their weights.</summary>
    internal string Describe()
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var teacher in Teachers)
            teacher.ReadWeights(weight => TensorBytes.Append(hash, weight));
        return FormattableString.Invariant($"temperature {Temperature}, {string.Join(" and ", Teachers.Select(teacher => teacher.Target.Name))}, ")
            + Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }

    /// <summary>What their weights do not show: which functions of them the teachers are, and the bits of their buffers.</summary>
    internal string DescribeNetworks()
    {
        string[] functions = [.. Teachers.Select(teacher => teacher.Target.DescribeFunction())];
        var text = string.Join(
            '\n', functions.Zip(Teachers, (function, teacher) => $"{function} {TensorBytes.Hash(teacher.Target.PersistentBuffers(teacher.State))}"));
        var version = functions.Any(function => function.StartsWith(TargetNetwork.SecondDescription, StringComparison.Ordinal)) ? TargetNetwork.SecondDescription : "";
        return $"{version}SHA-256 {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";
    }

    /// <summary>The mean of the teachers' outputs, (N, ...).</summary>
    internal Tensor TeacherOutputs(IReadOnlyList<Tensor> inputs)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var sum = Teachers.Select(teacher => teacher.Predict(inputs)).Aggregate((all, one) => all + one);
        using var count = Teachers.Count.ToScalar();
        return sum.div(count).MoveToOuterDisposeScope();
    }
}
