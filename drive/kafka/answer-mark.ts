/** Before an answer of a function that a host runs, which tells it from what the function logs. */
export const answerMark = 'answer ';
