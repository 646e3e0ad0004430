namespace MappingNets;

/// <summary>How a file stores numbers; what a model computes with stays single precision.</summary>
public enum StoredPrecision
{
    /// <summary>Four bytes a number, bit for bit.</summary>
    Single,

    /// <summary>Two bytes a number: IEEE half precision, a relative error of at most 2^-11 from 2^-14 to 65,504, and an error of at most 2^-25 below.</summary>
    Half,

    /// <summary>
    /// One byte a number: whole multiples from -127 to 127 of a step that neighbours share. An error of at most half a step, where
    /// 127 steps are the largest of them; the step itself is in half precision, which may add one part in 2,048. Steps below 2^-14 are
    /// multiples of 2^-24, rounded up, so that the bound of half a step holds there as it is. A tensor some of whose neighbours have a largest
    /// number, other than 0, below 7.6e-6 would need a step below 2^-24 and is stored in single precision.
    /// </summary>
    Int8,

    /// <summary>
    /// Half a byte a number: as <see cref="Int8"/>, with multiples from -7 to 7, and single precision where the largest number is below 4.2e-7.
    /// </summary>
    Int4,
}
